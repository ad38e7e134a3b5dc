/** A way to call a target. */
export interface Wire {
  readonly name: WireName;
  /** What a target claims when it can be called in this way. */
  readonly claim: "grpc" | "grpc-web" | "connect" | "connect+json";
  readonly httpVersion: "1.1" | "2";
}

export type WireName = (typeof wires)[number]["name"];

/** All of them. gRPC's own needs HTTP/2. */
export const wires = [
  { name: "grpc", claim: "grpc", httpVersion: "2" },
  { name: "grpc-web-h1", claim: "grpc-web", httpVersion: "1.1" },
  { name: "grpc-web-h2", claim: "grpc-web", httpVersion: "2" },
  { name: "connect-h1", claim: "connect", httpVersion: "1.1" },
  { name: "connect-h2", claim: "connect", httpVersion: "2" },
  { name: "connect-json-h1", claim: "connect+json", httpVersion: "1.1" },
  { name: "connect-json-h2", claim: "connect+json", httpVersion: "2" },
] as const satisfies readonly { name: string; claim: string; httpVersion: string }[];
