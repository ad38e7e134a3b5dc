import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Stands between a client and its Postgres, and counts what is sent. For connections without TLS. */
export interface StatementTap extends AsyncDisposable {
  /** The database, by way of the tap. */
  readonly url: string;
  /** How often each statement was sent, by its name; of one without a name the first word: `begin`, `commit`. */
  counts(): Readonly<Record<string, number>>;
  reset(): void;
}

/** Where the type and the length of a message end. The very first message of a connection has no type. */
const headBytes = 5;
const firstHeadBytes = 4;

export async function openStatementTap(databaseUrl: string): Promise<StatementTap> {
  const target = new URL(databaseUrl);
  const open = new Set<Socket>();
  const counts = new Map<string, number>();
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: target.hostname, port: Number(target.port || 5432), noDelay: true });
    const read = messageReader((name) => counts.set(name, (counts.get(name) ?? 0) + 1));
    near.on("data", read);
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    counts: () => Object.fromEntries(counts),
    reset: () => counts.clear(),
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Cuts what a client sends into messages, and tells the statement of each that runs one: Query and Bind. */
function messageReader(tell: (name: string) => void): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0);
  let first = true;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (;;) {
      const head = first ? firstHeadBytes : headBytes;
      if (rest.length < head) return;
      // The length counts itself, and not the type.
      const end = rest.readUInt32BE(head - 4) + head - 4;
      if (rest.length < end) return;
      const type = first ? "" : String.fromCharCode(rest[0] ?? 0);
      const body = rest.subarray(head, end);
      if (type === "Q") tell(/^\w+/.exec(body.toString())?.[0].toLowerCase() ?? "");
      // The name of the portal, and that of the statement.
      if (type === "B") tell(body.toString("utf8").split("\0", 2)[1] ?? "");
      first = false;
      rest = rest.subarray(end);
    }
  };
}
