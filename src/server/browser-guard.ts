import { Code, type ConnectError } from "@connectrpc/connect";
import { rpcError } from "./rpc-error.js";
import { isLoopbackHost } from "./loopback.js";

/**
 * Refuses what a web page of somebody else could send to a server that asks for no credential. Any page may send requests
 * to a loopback address, and read the answers too once its own name resolves to it (DNS rebinding); but it can hide neither its
 * `Origin` nor the name in `Host`. Programs other than browsers are not affected.
 */
export function refuseForeignPages(header: Headers, authority: string | undefined): ConnectError | undefined {
  if (authority === undefined || !isLoopbackHost(hostnameOf(`http://${authority}`))) {
    return rpcError(
      Code.PermissionDenied,
      "HOST_NOT_ALLOWED",
      "Without API tokens this server answers to loopback names only, such as localhost or 127.0.0.1.",
    );
  }
  const origin = header.get("origin");
  if (
    (origin !== null && !isLoopbackHost(hostnameOf(origin))) ||
    // Requests without an Origin, such as those for images and scripts.
    header.get("sec-fetch-site") === "cross-site"
  ) {
    return rpcError(
      Code.PermissionDenied,
      "ORIGIN_NOT_ALLOWED",
      "Without API tokens this server does not answer to web pages of other hosts.",
    );
  }
  return undefined;
}

function hostnameOf(url: string): string {
  try {
    return new URL(url).hostname;
  } catch {
    return "";
  }
}
