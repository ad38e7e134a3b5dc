import { createServer } from "node:net";

/**
 * A TCP port on 127.0.0.1 that was free a moment ago. Somebody else may take it first: prefer listening on port 0
 * where the server under test can tell which port it got, and try again where it cannot.
 */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") reject(new Error("no TCP address"));
        else resolve(address.port);
      });
    });
  });
}
