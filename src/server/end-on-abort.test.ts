import { expect, test } from "vitest";
import { until } from "../../test/kit/until.js";
import { endOnAbort } from "./end-on-abort.js";

function setup(source: AsyncIterable<number>) {
  const controller = new AbortController();
  let ended = 0;
  const mapError = (error: unknown): Error => new Error(`mapped ${(error as Error).message}`);
  const iterable = endOnAbort(source, controller.signal, { mapError, ended: () => (ended += 1) });
  return { controller, iterator: iterable[Symbol.asyncIterator](), ended: () => ended };
}

async function* numbers(last: number): AsyncGenerator<number> {
  for (let number = 1; number <= last; number += 1) yield await Promise.resolve(number);
}

test("hands everything on, and ends once", async () => {
  const { iterator, ended } = setup(numbers(2));
  expect(await iterator.next()).toEqual({ done: false, value: 1 });
  expect(await iterator.next()).toEqual({ done: false, value: 2 });
  expect(ended()).toBe(0);
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
  expect(ended()).toBe(1);
});

test("a failure is mapped", async () => {
  const failing = (async function* () {
    yield await Promise.reject<number>(new Error("inside"));
  })();
  const { iterator, ended } = setup(failing);
  await expect(iterator.next()).rejects.toThrow("mapped inside");
  expect(ended()).toBe(1);
});

test("an abort ends a wait that nothing else would end, and what comes later is dropped", async () => {
  let arrive: ((number: number) => void) | undefined;
  let returned = false;
  const late = (async function* () {
    try {
      yield await new Promise<number>((resolve) => {
        arrive = resolve;
      });
    } finally {
      returned = true;
    }
  })();
  const { iterator, controller, ended } = setup(late);
  const next = iterator.next();
  controller.abort(new Error("stop"));
  await expect(next).rejects.toThrow("mapped stop");
  await expect(iterator.next()).rejects.toThrow("mapped stop");
  expect(ended()).toBe(1);
  expect(returned).toBe(false);
  arrive?.(1);
  await until(() => returned, { what: "the source to return" });
});

test("a source that takes the abort for its orderly end still fails with the reason", async () => {
  const signal = { controller: undefined as AbortController | undefined };
  const polite = (async function* () {
    yield await Promise.resolve(1);
    await new Promise<void>((resolve) => {
      signal.controller?.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  })();
  const { iterator, controller } = setup(polite);
  signal.controller = controller;
  await iterator.next();
  const next = iterator.next();
  controller.abort(new Error("stop"));
  await expect(next).rejects.toThrow("mapped stop");
});

test("aborted before it began, it hands nothing on", async () => {
  const { iterator, controller, ended } = setup(numbers(1));
  controller.abort(new Error("stop"));
  await expect(iterator.next()).rejects.toThrow("mapped stop");
  expect(ended()).toBe(1);
});

test("leaving tells the source, and ends once", async () => {
  let returned = false;
  const source = (async function* () {
    try {
      for (;;) yield await Promise.resolve(1);
    } finally {
      returned = true;
    }
  })();
  const { iterator, controller, ended } = setup(source);
  await iterator.next();
  await iterator.return?.();
  controller.abort(new Error("stop"));
  await until(() => returned, { what: "the source to return" });
  expect(ended()).toBe(1);
});
