/** How Subscribe is asked for: the same envelopes, over HTTP/2, with other headers and another end. */
export type BenchWire = "grpc" | "connect";

export const subscribePath = "/palaver.chat.v1.ChatService/Subscribe";

export const contentTypes: Readonly<Record<BenchWire, string>> = {
  grpc: "application/grpc+proto",
  connect: "application/connect+proto",
};

/** Monotonic, and the same clock in every process of the machine. */
export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** A message as both wires frame it. */
export function envelope(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(5 + message.length);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, 5);
  return framed;
}
