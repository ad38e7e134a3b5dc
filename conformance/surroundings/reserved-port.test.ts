import { once } from "node:events";
import { createServer } from "node:net";
import { expect, it } from "vitest";
import { reservePort } from "./reserved-port.js";

/** These numbers, one after the other. */
function inTurn(...numbers: number[]): () => number {
  return () => numbers.shift() ?? Number.NaN;
}

it("leaves the port to whoever is told it, and gives it to nobody else until it is let go", async () => {
  await using first = await reservePort(inTurn(0.2));
  const program = createServer().listen(first.port, "127.0.0.1");
  await once(program, "listening");
  program.close();
  await once(program, "close");

  // The program is down, and may start again there.
  await using second = await reservePort(inTurn(0.2, 0.3));
  expect(second.port).not.toBe(first.port);
  await first[Symbol.asyncDispose]();
  await using third = await reservePort(inTurn(0.2));
  expect(third.port).toBe(first.port);
});

it("is not one on which somebody listens already", async () => {
  const { port } = await reservePort(inTurn(0.4)).then(async (reserved) => {
    await reserved[Symbol.asyncDispose]();
    return reserved;
  });
  const other = createServer().listen(port, "127.0.0.1");
  await once(other, "listening");
  try {
    await using reserved = await reservePort(inTurn(0.4, 0.5));
    expect(reserved.port).not.toBe(port);
  } finally {
    other.close();
  }
});
