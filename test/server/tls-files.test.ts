import { writeFile } from "node:fs/promises";
import { join, dirname } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readRelayTls, StartError } from "../../src/server/index.js";
import { type Authority, type Certificate, createAuthority } from "../kit/certificates.js";

let authority: Authority;
let own: Certificate;
let other: Certificate;
let good: { certFile: string; keyFile: string; caFile: string };
let garbage: string;
beforeAll(async () => {
  authority = await createAuthority();
  [own, other] = await Promise.all([authority.issue(), authority.issue()]);
  good = { certFile: own.certFile, keyFile: own.keyFile, caFile: authority.caFile };
  garbage = join(dirname(own.certFile), "garbage.pem");
  await writeFile(garbage, "-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n");
});
afterAll(() => authority[Symbol.asyncDispose]());

const variables = {
  certFile: "PALAVER_RELAY_CERT",
  keyFile: "PALAVER_RELAY_KEY",
  caFile: "PALAVER_RELAY_CA",
} as const;

test("files that fit together are read as they are", async () => {
  expect(await readRelayTls(good)).toEqual({ cert: own.cert, key: own.key, ca: authority.ca });
});

test.each(Object.entries(variables))("a missing %s is named, with its variable", async (field, variable) => {
  const missing = join(dirname(own.certFile), "missing.pem");
  const error = await readRelayTls({ ...good, [field]: missing }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StartError);
  expect(error).toMatchObject({
    reason: "RELAY_FILE_UNREADABLE",
    message: `${missing}, which ${variable} names, cannot be read (ENOENT).`,
  });
});

test.each(Object.entries(variables))(
  "garbage in %s is named by its variable, not by its text",
  async (field, variable) => {
    const error = await readRelayTls({ ...good, [field]: garbage }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StartError);
    expect(error).toMatchObject({
      reason: "RELAY_CERTIFICATE_INVALID",
      message: expect.stringContaining(variable),
    });
    expect((error as StartError).message).not.toContain("hunter2");
  },
);

test("a key of another certificate is refused", async () => {
  await expect(readRelayTls({ ...good, keyFile: other.keyFile })).rejects.toMatchObject({
    reason: "RELAY_CERTIFICATE_INVALID",
    message: "PALAVER_RELAY_KEY is not the key of PALAVER_RELAY_CERT.",
  });
});
