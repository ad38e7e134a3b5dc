import { once } from "node:events";
import { connect, type Socket } from "node:net";

const frameTypes = { data: 0, headers: 1, rstStream: 3, settings: 4 } as const;
const endHeaders = 4;

/**
 * One HTTP/2 request, frame by frame (RFC 9113): for what Node's own client would not send, such as a request that is reset before
 * its end without having been ended first, which is how other clients cancel.
 */
export class RawHttp2Request implements Disposable {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open(url: string, headers: Readonly<Record<string, string>>): Promise<RawHttp2Request> {
    const { hostname, port, host } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    // What the server says is of no interest, but it has to be taken.
    socket.on("error", () => undefined).resume();
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    const request = new RawHttp2Request(socket);
    request.#send(frameTypes.settings, 0, 0, Buffer.alloc(0));
    const fields = { ":method": "POST", ":scheme": "http", ":authority": host, ...headers };
    request.#send(frameTypes.headers, endHeaders, 1, Buffer.concat(Object.entries(fields).map(literalField)));
    return request;
  }

  /** Sends bytes of the body, at most 16 KiB. */
  write(bytes: Uint8Array): void {
    this.#send(frameTypes.data, 0, 1, bytes);
  }

  /** Cancels the request: RST_STREAM, CANCEL. */
  cancel(): void {
    this.#send(frameTypes.rstStream, 0, 1, Buffer.from([0, 0, 0, 8]));
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #send(type: number, flags: number, stream: number, payload: Uint8Array): void {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.byteLength, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    this.#socket.write(Buffer.concat([head, payload]));
  }
}

/** HPACK's plainest form (RFC 7541, 6.2.2): neither indexed nor compressed, up to 126 bytes each. */
function literalField([name, value]: [string, string]): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}
