import { readFileSync } from "node:fs";
import {
  type Authenticator,
  connect,
  type ConnectionOptions,
  credsAuthenticator,
  ErrorCode,
  type NatsConnection,
  NatsError,
  nkeyAuthenticator,
} from "nats";
import { BusError } from "./bus-error.js";

/** A text that must not be seen. */
interface Hidden {
  reveal(): string;
}

/** Where the NATS servers are, and how to be let in. */
export interface NatsServers {
  /** `host:port` of one or more servers of one cluster. */
  readonly servers: readonly string[];
  readonly credential: NatsCredential;
  /** Undefined: TLS where the server asks for it, checked with the system's authorities. */
  readonly tls: NatsTls | undefined;
}

export type NatsCredential =
  | { readonly kind: "none" }
  | { readonly kind: "password"; readonly user: string; readonly password: Hidden }
  | { readonly kind: "token"; readonly token: Hidden }
  /** A file with the seed of an NKey. */
  | { readonly kind: "nkey"; readonly file: string }
  /** A file with a user's JWT and its seed. */
  | { readonly kind: "credentials"; readonly file: string };

/** TLS is required. The files are in PEM. */
export interface NatsTls {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

/** How a lost connection is noticed: two pings without an answer. */
const pingIntervalMs = 5_000;
const connectTimeoutMs = 5_000;

/**
 * Connects to the first server that answers. From then on the connection comes back by itself, for ever, until it is closed; what it
 * discovers of the cluster counts too. Messages that this connection publishes do not come back to it.
 *
 * @throws BusError NATS_UNREACHABLE; NATS_REFUSED when a server answers and this replica is not let in, or what answers is no NATS server
 * as it is configured; NATS_FILE_UNREADABLE
 */
export async function openNatsConnection({ servers, credential, tls }: NatsServers): Promise<NatsConnection> {
  const options: ConnectionOptions = {
    name: "palaver",
    servers: [...servers],
    noEcho: true,
    timeout: connectTimeoutMs,
    pingInterval: pingIntervalMs,
    maxReconnectAttempts: -1,
    // Not all replicas at the same moment.
    reconnectTimeWait: 250,
    reconnectJitter: 750,
    reconnectJitterTLS: 750,
    // A password that is being changed is no reason to give up.
    ignoreAuthErrorAbort: true,
    ...(tls !== undefined && { tls: withoutUndefined(tls) }),
    ...credentialOptions(credential),
  };
  try {
    return await connect(options);
  } catch (error) {
    throw connectError(servers, error);
  }
}

function withoutUndefined<T extends object>(object: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}

function credentialOptions(credential: NatsCredential): ConnectionOptions {
  switch (credential.kind) {
    case "none":
      return {};
    case "password":
      return { user: credential.user, pass: credential.password.reveal() };
    case "token":
      return { token: credential.token.reveal() };
    case "nkey":
      return {
        authenticator: fromFile(credential.file, (bytes) =>
          nkeyAuthenticator(new TextEncoder().encode(new TextDecoder().decode(bytes).trim())),
        ),
      };
    case "credentials":
      return { authenticator: fromFile(credential.file, credsAuthenticator) };
    default:
      return credential satisfies never;
  }
}

/**
 * An authenticator that reads its file anew for each connection, so that a credential can be renewed while the replica runs. While the
 * file cannot be read or used, the one before goes on.
 */
function fromFile(file: string, read: (bytes: Uint8Array) => Authenticator): Authenticator {
  const load = (
    nonce: string | undefined,
  ): { authenticate: Authenticator; answer: ReturnType<Authenticator> } => {
    const authenticate = read(readFileSync(file));
    return { authenticate, answer: authenticate(nonce) };
  };
  let current: Authenticator;
  try {
    current = load("to see that it can sign").authenticate;
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? "it holds no such credential";
    throw new BusError("NATS_FILE_UNREADABLE", `${file} cannot be used to log in to NATS (${why}).`);
  }
  return (nonce) => {
    try {
      const { authenticate, answer } = load(nonce);
      current = authenticate;
      return answer;
    } catch {
      return current(nonce);
    }
  };
}

function connectError(servers: readonly string[], error: unknown): BusError {
  const where = servers.join(", ");
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  const why = code ?? (error instanceof Error ? error.message : String(error));
  if (code !== undefined && isPassing(code))
    return new BusError("NATS_UNREACHABLE", `NATS cannot be reached at ${where} (${why}).`, { cause: error });
  if (error instanceof NatsError && error.isAuthError())
    return new BusError("NATS_REFUSED", `NATS at ${where} refuses the credential of this server.`, {
      cause: error,
    });
  return new BusError("NATS_REFUSED", `${where} cannot be used as a NATS server as configured (${why}).`, {
    cause: error,
  });
}

/** What the network says, or a server that is starting or overloaded; not what it says of certificates or credentials. */
function isPassing(code: string): boolean {
  const passing: readonly string[] = [
    ErrorCode.ConnectionRefused,
    ErrorCode.ConnectionTimeout,
    ErrorCode.ConnectionClosed,
    ErrorCode.Disconnect,
    ErrorCode.Timeout,
    ErrorCode.AuthenticationTimeout,
    "EAI_AGAIN",
  ];
  return passing.includes(code) || (/^E[A-Z]+$/.test(code) && code !== "EPROTO");
}
