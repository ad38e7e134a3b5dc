import type { ClientOptions, RpcClient } from "./call.js";
import { ConnectClient } from "./connect-client.js";
import { GrpcClient } from "./grpc-client.js";
import type { Wire } from "./wires.js";

/** A client for the target at that URL. It connects with its first call. */
export function openClient(wire: Wire, url: string, options: ClientOptions = {}): RpcClient {
  return wire.claim === "grpc" ? new GrpcClient(url, options) : new ConnectClient(wire, url, options);
}
