import type { AddressInfo } from "node:net";
import { createProviderServer } from "./serve.js";

// The process: prints {"port": …} when it listens, and goes when the pipe from its parent closes.
const server = createProviderServer();
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
