import { once } from "node:events";
import { connect } from "node:net";
import { after } from "../time.js";

const limitMs = 10_000;

/**
 * Resolves when somebody takes a connection there. Of a target that is not even there nothing can be said: no case may take that for a fault of
 * the implementation.
 *
 * @throws when nobody does, with why
 */
export async function requireListener(url: string): Promise<void> {
  const { hostname, port, protocol } = new URL(url);
  const socket = connect({
    // An address of IPv6 stands in brackets in a URL alone.
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
  });
  using _limit = after(limitMs, () => socket.destroy(new Error(`no answer within ${limitMs} ms`)));
  try {
    await once(socket, "connect");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Of a name with several addresses there is a code, and no message.
    throw new Error(`nobody listens at ${url} (${message === "" ? (code ?? "") : message})`);
  } finally {
    socket.destroy();
  }
}
