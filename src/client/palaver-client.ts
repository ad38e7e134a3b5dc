import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { ChatService } from "../gen/palaver/chat/v1/chat_service_pb.js";
import { FileService } from "../gen/palaver/chat/v1/file_service_pb.js";
import { ImportService } from "../gen/palaver/chat/v1/import_service_pb.js";

/** All services of a server. */
export interface PalaverClient extends ChatsClient {
  readonly files: Client<typeof FileService>;
  readonly imports: Client<typeof ImportService>;
}

/** What the helpers of this package need: the service of chats alone. */
export interface ChatsClient {
  readonly chats: Client<typeof ChatService>;
}

/**
 * Typed clients for all services, over a transport of your choice: `@connectrpc/connect-web` in browsers, `@connectrpc/connect-node` in
 * Node. Address, wire and credentials are the transport's.
 */
export function createPalaverClient({ transport }: { readonly transport: Transport }): PalaverClient {
  return {
    chats: createClient(ChatService, transport),
    files: createClient(FileService, transport),
    imports: createClient(ImportService, transport),
  };
}
