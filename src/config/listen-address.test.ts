import { expect, test } from "vitest";
import { formatListenAddress, isLoopbackHost, isWildcardHost, parseListenAddress } from "./listen-address.js";

test.each(["127.0.0.1:7717", "localhost:0", "[::1]:7717", "palaver.internal:65535"])(
  "%s reads and writes",
  (text) => {
    const address = parseListenAddress(text);
    expect(address).toBeDefined();
    if (address !== undefined) expect(formatListenAddress(address)).toBe(text);
  },
);

test.each(["7717", ":7717", "localhost", "::1:7717", "[localhost]:1", "a:65536", "http://a:1", "a:1/"])(
  "%s is not an address",
  (text) => {
    expect(parseListenAddress(text)).toBeUndefined();
  },
);

test("only addresses of this machine are loopback", () => {
  expect(["localhost", "127.0.0.1", "127.9.9.9", "::1"].every(isLoopbackHost)).toBe(true);
  expect(["0.0.0.0", "::", "10.0.0.1", "127.example.org"].some(isLoopbackHost)).toBe(false);
});

test("addresses that stand for all of a machine are wildcards, in any notation", () => {
  const wildcards = ["0.0.0.0", "0", "::", "::0", "0:0:0:0:0:0:0:0", "::ffff:0.0.0.0", "::FFFF:0:0"];
  expect(wildcards.filter((host) => !isWildcardHost(host))).toEqual([]);
  const addresses = ["127.0.0.1", "10.0.0.0", "::1", "::ffff:10.0.0.1", "fe80::", "localhost", "a.internal"];
  expect(addresses.filter(isWildcardHost)).toEqual([]);
});
