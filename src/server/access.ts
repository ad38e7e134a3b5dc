import type { ConnectError } from "@connectrpc/connect";
import {
  type Authenticate,
  authenticateDeveloper,
  authenticatePeers,
  authenticateTokens,
  type TokenVerifier,
} from "./authenticate.js";
import { refuseForeignPages } from "./browser-guard.js";

/**
 * Who may call: holders of API tokens; in development mode anyone who reaches the port, which is then on a loopback address;
 * or the other replicas of a cluster, which share a token, and nobody else.
 */
export type Access =
  | { readonly kind: "tokens"; readonly verifier: TokenVerifier }
  | { readonly kind: "development" }
  | { readonly kind: "peers"; readonly token: string };

/** What follows for a server from who may call it. */
export interface AccessRules {
  readonly authenticate: Authenticate;
  /** Looks at a request before anything else is done with it: an error refuses it. */
  readonly guard: (header: Headers, authority: string | undefined) => ConnectError | undefined;
  /** Whether it must not be reached from other machines. */
  readonly loopbackOnly: boolean;
  /** Whether it tells anyone what it is and what can be called: a page about it, and reflection. */
  readonly introducesItself: boolean;
}

export function accessRules(access: Access): AccessRules {
  const usual = { guard: () => undefined, loopbackOnly: false, introducesItself: true };
  switch (access.kind) {
    case "tokens":
      return { ...usual, authenticate: authenticateTokens(access.verifier) };
    case "development":
      return {
        ...usual,
        authenticate: authenticateDeveloper(),
        guard: refuseForeignPages,
        loopbackOnly: true,
      };
    case "peers":
      return { ...usual, authenticate: authenticatePeers(access.token), introducesItself: false };
  }
}
