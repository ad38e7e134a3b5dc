import type { Manifest } from "./manifest.js";
import { manifestSchema } from "./manifest.js";

/** The manifest of a target that claims much and offers the bus, two users and the scripted model. */
export const manifest: Manifest = manifestSchema.parse({
  schema: "palaver.conformance.v1",
  implementation: { name: "example", version: "1.0" },
  claims: { protocol: "1", profiles: ["core", "cluster"], wires: ["grpc", "connect"] },
  attach: { urls: ["http://127.0.0.1:1"], model: "127.0.0.1:2", bus: { url_env: "NATS_URL" } },
  auth: { alice: { token_env: "ALICE" }, bob: { token_env: "BOB" } },
});
