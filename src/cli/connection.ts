import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { Secret } from "../config/index.js";
import { ChatService } from "../gen/palaver/chat/v1/chat_service_pb.js";
import { FileService } from "../gen/palaver/chat/v1/file_service_pb.js";

/** The connection of one command to one server. */
export interface Connection extends Disposable {
  readonly url: string;
  readonly transport: Transport;
  readonly chats: Client<typeof ChatService>;
  readonly files: Client<typeof FileService>;
}

/**
 * Prepares a connection; the first call opens it. One HTTP/2 connection carries all calls; its pings notice a server that has
 * vanished without a word within half a minute.
 */
export function connect(options: { url: string; token: Secret | undefined }): Connection {
  const { url, token } = options;
  const sessionManager = new Http2SessionManager(url, { pingIntervalMs: 15_000, pingTimeoutMs: 10_000 });
  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion: "2",
    sessionManager,
    interceptors: token === undefined ? [] : [presenting(token)],
  });
  return {
    url,
    transport,
    chats: createClient(ChatService, transport),
    files: createClient(FileService, transport),
    [Symbol.dispose]: () => sessionManager.abort(),
  };
}

function presenting(token: Secret): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token.reveal()}`);
    return next(request);
  };
}
