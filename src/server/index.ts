export type { Access } from "./access.js";
export { type Caller, callerKey, type TokenVerifier } from "./authenticate.js";
export { type ChatServiceDeps, createChatService } from "./chat-service.js";
export { createFileService } from "./file-service.js";
export { createImportService } from "./import-service.js";
export type { ListenerLimits } from "./listener.js";
export { type MetricsServer, startMetricsServer } from "./metrics-server.js";
export {
  type RpcLimits,
  type RpcServer,
  type RpcServerOptions,
  startRpcServer,
} from "./rpc-server.js";
export type { LiveStream } from "./server-stream-handler.js";
export { StartError, type StartErrorReason } from "./start-error.js";
export { readRelayTls } from "./tls-files.js";
export { createToken, type CreatedToken } from "./token.js";
export { createTokenVerifier } from "./token-verifier.js";
