import { z } from "zod";
import { formatDuration, parseDuration } from "./duration.js";
import { type ListenAddress, parseListenAddress } from "./listen-address.js";
import { parseNatsUrl } from "./nats-url.js";
import { Secret } from "./secret.js";

/** The kinds of values that variables hold: each reads a text, or says what it expected. A message never repeats the value. */

/** A schema that reads texts with `read`; where that gives undefined, the variable is refused with "expected …". */
function reading<T>(expected: string, read: (text: string) => T | undefined) {
  return z.string().transform((text, context): T => {
    const value = read(text);
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: `expected ${expected}` });
    return z.NEVER;
  });
}

export const text = z.string();

export const secret = z.string().transform((value) => new Secret(value));

export const flag = reading("true or false", (value) => ({ true: true, false: false })[value]);

export const listenAddress = reading<ListenAddress>(
  "host:port, for example 127.0.0.1:7717, 0.0.0.0:80 or [::1]:7717",
  parseListenAddress,
);

/** A duration in milliseconds, within bounds. */
export function duration({ minMs, maxMs }: { minMs: number; maxMs: number }) {
  return reading("a duration with its unit, for example 500ms, 15s or 10m", parseDuration).refine(
    (ms) => ms >= minMs && ms <= maxMs,
    { error: `expected between ${formatDuration(minMs)} and ${formatDuration(maxMs)}` },
  );
}

/** A whole number, within bounds. */
export function wholeNumber({ min, max }: { min: number; max: number }) {
  return reading(`a whole number from ${min} to ${max}`, (value) => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : undefined;
    return number !== undefined && number >= min && number <= max ? number : undefined;
  });
}

/** One of some words. */
export function oneOf<const T extends string>(...words: readonly T[]) {
  return reading(`one of ${words.join(", ")}`, (value) => words.find((word) => word === value));
}

/** A comma-separated list of some words, or `none`. The order does not matter. */
export function listOf<const T extends string>(...words: readonly T[]) {
  return reading(`none, or a comma-separated list of ${words.join(", ")}`, (value) => {
    if (value === "none") return [];
    const names = value.split(",").map((name) => name.trim());
    const known = words.filter((word) => names.includes(word));
    return names.every((name) => (words as readonly string[]).includes(name)) ? known : undefined;
  });
}

/** An http or https URL, without a trailing slash. Credentials in it are refused: they would end up in logs. */
export const httpUrl = reading(
  "a URL that begins with http:// or https:// and holds no user name or password",
  (value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url?.protocol !== "http:" && url?.protocol !== "https:") return undefined;
    return url.username === "" && url.password === "" ? value.replace(/\/+$/, "") : undefined;
  },
);

export const postgresUrl = reading("a URL such as postgres://user:password@host:5432/database", (value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return url?.protocol === "postgres:" || url?.protocol === "postgresql:" ? new Secret(value) : undefined;
});

export const natsUrl = reading(
  "one or more URLs such as nats://host:4222 or tls://user:password@host:4222, separated by commas",
  parseNatsUrl,
);
