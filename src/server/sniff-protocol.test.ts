import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { until } from "../../test/kit/until.js";
import { ManualClock } from "../platform/index.js";
import { sniffProtocol } from "./sniff-protocol.js";

/** A socket as far as the sniffer is concerned, whose bytes come exactly as they are written. */
function sniffed() {
  const clock = new ManualClock();
  const stream = new PassThrough();
  const decisions: string[] = [];
  const decided = (protocol: string): void => void decisions.push(protocol);
  sniffProtocol(stream as unknown as Socket, { clock, timeoutMs: 1000, decided });
  return { clock, stream, decisions };
}

test.each([
  [["PRI * HTTP/2.0"], "h2c"],
  [["P", "R", "I"], "h2c"],
  [["PR", "I * HTTP/2.0"], "h2c"],
  [["P", "OST / HTTP/1.1"], "http/1.1"],
  [["PRO", "PFIND / HTTP/1.1"], "http/1.1"],
  [["G", "E", "T", " "], "http/1.1"],
])("%j is %s, and every byte is left to be read", async (chunks, protocol) => {
  const { clock, stream, decisions } = sniffed();
  for (const chunk of chunks) {
    expect(decisions).toEqual([]);
    stream.write(chunk);
    // What is read is read in a later turn.
    await until(
      () =>
        stream.readableLength === 0 || stream.listenerCount("readable") === 0 || stream.readableLength < 3,
      {
        what: "the chunk to be looked at",
      },
    );
    if (stream.listenerCount("readable") === 0) break;
  }
  await until(() => decisions.length === 1, { what: "the decision" });
  expect(decisions).toEqual([protocol]);
  expect(clock.pending).toBe(0);
  const already = chunks.join("").slice(0, stream.readableLength);
  expect(String(stream.read())).toBe(already);
});

test.each(["", "P", "PR"])("a stream that ends after %j is destroyed", async (bytes) => {
  const { clock, stream, decisions } = sniffed();
  stream.end(bytes);
  await until(() => stream.destroyed && clock.pending === 0, { what: "the end" });
  expect(decisions).toEqual([]);
});

test("a stream that stays undecided is destroyed when its time is over", async () => {
  const { clock, stream, decisions } = sniffed();
  stream.write("PR");
  clock.advance(1000);
  await until(() => stream.destroyed && clock.pending === 0, { what: "the end" });
  expect(decisions).toEqual([]);
});

test("a stream that fails is destroyed without a word", async () => {
  const { clock, stream, decisions } = sniffed();
  stream.destroy(new Error("reset"));
  await until(() => stream.destroyed && clock.pending === 0, { what: "the end" });
  expect(decisions).toEqual([]);
});
