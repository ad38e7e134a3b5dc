import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { StartError } from "./start-error.js";
import type { MutualTls } from "./tls-handshake.js";

/**
 * Reads what a replica shows its peers, and by what it knows them. Whether a certificate is still good is for the peers to judge: one that
 * expired is no reason not to start.
 *
 * @throws StartError RELAY_FILE_UNREADABLE or RELAY_CERTIFICATE_INVALID, which names the variable
 */
export async function readRelayTls(files: {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}): Promise<MutualTls> {
  const [cert, key, ca] = await Promise.all([
    readPem("PALAVER_RELAY_CERT", files.certFile),
    readPem("PALAVER_RELAY_KEY", files.keyFile),
    readPem("PALAVER_RELAY_CA", files.caFile),
  ]);
  const certificate = parse("PALAVER_RELAY_CERT", "certificate", () => new X509Certificate(cert));
  const privateKey = parse<KeyObject>("PALAVER_RELAY_KEY", "key without a passphrase", () =>
    createPrivateKey(key),
  );
  parse("PALAVER_RELAY_CA", "certificate", () => new X509Certificate(ca));
  if (!certificate.checkPrivateKey(privateKey))
    throw invalid("PALAVER_RELAY_KEY is not the key of PALAVER_RELAY_CERT.");
  try {
    createSecureContext({ cert, key, ca });
  } catch (error) {
    throw invalid(`PALAVER_RELAY_CERT cannot be used for TLS (${codeOf(error)}).`, error);
  }
  return { cert, key, ca };
}

async function readPem(variable: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const what = `${file}, which ${variable} names, cannot be read (${codeOf(error)}).`;
    throw new StartError("RELAY_FILE_UNREADABLE", what, { cause: error });
  }
}

function parse<T>(variable: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw invalid(`${variable} names a file that holds no PEM text of a ${what}.`, error);
  }
}

function invalid(message: string, cause?: unknown): StartError {
  return new StartError("RELAY_CERTIFICATE_INVALID", message, { cause });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown";
}
