export {
  type ClientConfig,
  type Config,
  type DatabaseConfig,
  loadClientConfig,
  loadConfig,
  type ModelsConfig,
  type ProviderConfig,
} from "./config.js";
export { type ConfigLine, describeConfig, describeDatabase } from "./describe-config.js";
export { parseDuration } from "./duration.js";
export { formatListenAddress, type ListenAddress } from "./listen-address.js";
export type { NatsConfig } from "./nats-config.js";
export { renderConfigurationReference } from "./render-configuration.js";
export { Secret } from "./secret.js";
