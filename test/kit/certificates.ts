import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { isExecutable, pathDirectories } from "./debian-packages.js";

const run = promisify(execFile);

interface CertificateOptions {
  /** What it is good for, as X.509 writes it. Default: this machine. */
  readonly names?: string;
  /** Purposes it is restricted to, as X.509 writes them. Default: none is excluded. */
  readonly purposes?: string;
}

export interface Certificate {
  /** PEM texts. */
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** An authority of its own, whose certificates are good for some days. Disposing it deletes the files. */
export interface Authority extends AsyncDisposable {
  /** PEM text. */
  readonly ca: string;
  readonly caFile: string;
  issue(options?: CertificateOptions): Promise<Certificate>;
}

/** The program that makes them; undefined when it is not on the PATH. */
export async function findOpenssl(): Promise<string | undefined> {
  for (const directory of pathDirectories())
    if (await isExecutable(join(directory, "openssl"))) return join(directory, "openssl");
  return undefined;
}

/** @throws with instructions when there is no openssl on the PATH */
export async function createAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), "palaver-authority-"));
  const file = (name: string): string => join(folder, name);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const subject = (name: string): string[] => ["-subj", `/CN=${name}`];
  const [caFile, caKeyFile] = [file("ca.pem"), file("ca-key.pem")];
  const self = ["-x509", ...newKey, ...subject("palaver test authority"), "-days", "7"];
  await openssl("req", ...self, "-keyout", caKeyFile, "-out", caFile);
  let issued = 0;
  return {
    ca: await readFile(caFile, "utf8"),
    caFile,
    issue: async ({ names = "IP:127.0.0.1,IP:::1,DNS:localhost", purposes } = {}) => {
      issued += 1;
      const [certFile, keyFile] = [file(`${issued}.pem`), file(`${issued}-key.pem`)];
      const [requestFile, extensionsFile] = [file(`${issued}.csr`), file(`${issued}.ext`)];
      const usage = purposes === undefined ? "" : `extendedKeyUsage=${purposes}\n`;
      await writeFile(extensionsFile, `subjectAltName=${names}\n${usage}`);
      await openssl("req", ...newKey, ...subject("palaver test"), "-keyout", keyFile, "-out", requestFile);
      const signer = ["-CA", caFile, "-CAkey", caKeyFile, "-set_serial", String(issued)];
      const output = ["-days", "7", "-extfile", extensionsFile, "-out", certFile];
      await openssl("x509", "-req", "-in", requestFile, ...signer, ...output);
      return {
        cert: await readFile(certFile, "utf8"),
        key: await readFile(keyFile, "utf8"),
        certFile,
        keyFile,
      };
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function openssl(...args: string[]): Promise<void> {
  const program = await findOpenssl();
  if (program === undefined)
    throw new Error(
      "Tests with certificates need openssl on the PATH (Debian and Ubuntu: apt-get install openssl).",
    );
  await run(program, args);
}
