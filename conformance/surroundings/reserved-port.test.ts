import { once } from "node:events";
import { createServer } from "node:net";
import { expect, it } from "vitest";
import { type ReservedPort, reservePort } from "./reserved-port.js";

/** A port that somebody may have reserved, and what chance has to say for it to be chosen. */
async function anyPort(): Promise<ReservedPort & { readonly chance: number }> {
  let chance = 0;
  const reserved = await reservePort(() => {
    chance = Math.random();
    return chance;
  });
  return { ...reserved, chance };
}

/** Asks for one port first; where that is taken, for any other. */
function reserveFirst(chance: number): Promise<ReservedPort> {
  const first = [chance];
  return reservePort(() => first.shift() ?? Math.random());
}

it("leaves the port to whoever is told it, and gives it to nobody else until it is let go", async () => {
  await using first = await anyPort();
  const program = createServer().listen(first.port, "127.0.0.1");
  await once(program, "listening");
  program.close();
  await once(program, "close");

  // The program is down, and may start again there.
  await using second = await reserveFirst(first.chance);
  expect(second.port).not.toBe(first.port);
  await first[Symbol.asyncDispose]();
  await using third = await reserveFirst(first.chance);
  expect(third.port).toBe(first.port);
});

it("is not one on which somebody listens already", async () => {
  const { port, chance, [Symbol.asyncDispose]: letGo } = await anyPort();
  const other = createServer().listen(port, "127.0.0.1");
  await once(other, "listening");
  await letGo();
  try {
    await using reserved = await reserveFirst(chance);
    expect(reserved.port).not.toBe(port);
  } finally {
    other.close();
  }
});
