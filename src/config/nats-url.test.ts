import { expect, test } from "vitest";
import { parseNatsUrl } from "./nats-url.js";

const shown = (text: string): unknown => {
  const url = parseNatsUrl(text);
  if (url?.login === undefined) return url;
  const login =
    "token" in url.login ? url.login.token.reveal() : [url.login.user, url.login.password.reveal()];
  return { ...url, login };
};

test.each([
  ["nats://127.0.0.1", { servers: ["127.0.0.1:4222"], tls: false, login: undefined }],
  ["nats://a:4223/", { servers: ["a:4223"], tls: false, login: undefined }],
  ["tls://[::1]:4222", { servers: ["[::1]:4222"], tls: true, login: undefined }],
  ["nats://ada:p%40ss%2F1:2@a", { servers: ["a:4222"], tls: false, login: ["ada", "p@ss/1:2"] }],
  ["nats://s3cr3t@a", { servers: ["a:4222"], tls: false, login: "s3cr3t" }],
  [
    "nats://a, nats://u:p@b:1,nats://c",
    { servers: ["a:4222", "b:1", "c:4222"], tls: false, login: ["u", "p"] },
  ],
])("%s", (text, expected) => {
  expect(shown(text)).toEqual(expected);
});

test.each([
  "",
  "a:4222",
  "http://a",
  "nats://",
  "nats://a/path",
  "nats://a?x=1",
  "nats://a,",
  "nats://:p@a",
  "nats://u:%ff@a",
])("%j is none", (text) => {
  expect(parseNatsUrl(text)).toBeUndefined();
});
