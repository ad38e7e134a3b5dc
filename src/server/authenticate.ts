import { Code, type ConnectError, type ContextKey } from "@connectrpc/connect";
import { PalaverError } from "../protocol/index.js";
import { rpcError } from "./rpc-error.js";
import { hashToken, secretMatches } from "./token.js";

/** Whoever a credential stands for. */
export interface Caller {
  /** Whose chats these are: every statement on behalf of the caller is scoped by it. */
  readonly owner: string;
  /** An admin may read and interrupt everybody's chats, never speak in somebody's name (AUTH-2). */
  readonly role: "user" | "admin";
  /** The token's public part, for logs. */
  readonly tokenId: string;
}

/**
 * The caller of an RPC, in the context values of every method that needs a credential. Elsewhere, reading it fails with
 * `unauthenticated`: a method that was made public by mistake serves nobody.
 */
export const callerKey: ContextKey<Caller> = {
  id: Symbol("palaver.caller"),
  get defaultValue(): Caller {
    throw new PalaverError("unauthenticated", "MISSING_CREDENTIAL", "This call needs a credential.");
  },
};

/** Knows which tokens are good. */
export interface TokenVerifier {
  /**
   * The caller that a token stands for; undefined for one that is unknown, revoked or expired. A revocation takes effect
   * within 10 s (AUTH-3 leaves 30 s in all).
   *
   * @throws when it cannot find out, for example because the database is down
   */
  verify(token: string): Promise<Caller | undefined>;
}

/** The caller of one RPC, and whether it may go on. */
export interface Credential {
  readonly caller: Caller;
  /** Asks again, for streams that stay open. Calls with equal keys may share the answer. */
  readonly recheck: { readonly key: string; stillValid(): Promise<boolean> } | undefined;
}

/**
 * Reads the `authorization` header of a request. Undefined: it may go on, and there is nobody whose chats are meant.
 *
 * @throws ConnectError `unauthenticated` when there is no credential or it is not a good one
 * @throws what the verifier throws
 */
export type Authenticate = (authorization: string | undefined) => Promise<Credential | undefined>;

/** Requires a good API token as a bearer credential. */
export function authenticateTokens(verifier: TokenVerifier): Authenticate {
  return async (authorization) => {
    const token = bearerToken(
      authorization,
      "This call needs an API token: send it in the header 'authorization: Bearer <token>'. `npx palaver token create` makes one.",
    );
    const caller = token === undefined ? undefined : await verifier.verify(token);
    if (token === undefined || caller === undefined) {
      throw unauthenticated("INVALID_CREDENTIAL", "The API token is unknown, revoked or expired.");
    }
    return {
      caller,
      recheck: { key: token, stillValid: async () => (await verifier.verify(token)) !== undefined },
    };
  };
}

/** Requires the token that the replicas of a cluster share. They call in their own name: there is no {@link Caller}. */
export function authenticatePeers(clusterToken: string): Authenticate {
  const hash = hashToken(clusterToken);
  return async (authorization) => {
    const token = bearerToken(authorization, "Only replicas of this cluster may call here.");
    if (token === undefined || !secretMatches(token, hash)) {
      throw unauthenticated("INVALID_CREDENTIAL", "This is not the token of this cluster.");
    }
    return undefined;
  };
}

/** Everybody is the one developer of this machine; credentials are ignored. For loopback addresses only. */
export function authenticateDeveloper(): Authenticate {
  // Not an admin: what works in development works for a user's token as well.
  const credential: Credential = {
    caller: { owner: "dev", role: "user", tokenId: "dev" },
    recheck: undefined,
  };
  return () => Promise.resolve(credential);
}

/** What ends a stream whose credential was revoked or has expired (AUTH-3). */
export function credentialRevoked(): ConnectError {
  return unauthenticated("CREDENTIAL_REVOKED", "The API token was revoked or has expired.");
}

/**
 * The token in an `authorization` header; undefined when the header is of another form.
 *
 * @throws ConnectError `unauthenticated`, with the hint, when there is no header
 */
function bearerToken(authorization: string | undefined, hint: string): string | undefined {
  if (authorization === undefined || authorization === "") throw unauthenticated("MISSING_CREDENTIAL", hint);
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1];
}

function unauthenticated(reason: string, message: string): ConnectError {
  return rpcError(Code.Unauthenticated, reason, message, { header: { "www-authenticate": "Bearer" } });
}
