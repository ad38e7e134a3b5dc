import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { boundDefinitions } from "./bounds.js";
import { type Manifest, manifestSchema } from "./manifest.js";
import { readYaml } from "./read-yaml.js";

const whole = `schema: palaver.conformance.v1
implementation: { name: palaver, version: 0.1.0 }
claims:
  protocol: "1"
  profiles: [core, cluster]
  wires: [grpc, connect+json]
  features: [client_tools]
launch:
  replicas: 3
  command: [npx, palaver, serve]
  env:
    PALAVER_LISTEN: "{listen}"
    DATABASE_URL: "{link.store}"
  store: { url_env: STORE }
bounds: { lease: 6s, interrupt: 1500ms }
auth: { alice: { token_env: ALICE } }
baseline: ./known.yaml
`;

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), "manifest-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(text: string): Promise<Manifest> {
  const path = join(folder, "target.yaml");
  await writeFile(path, text);
  return readYaml(path, manifestSchema);
}

describe("a manifest", () => {
  it("is read as written, in milliseconds, with the protocol's maximum where it promises nothing", async () => {
    const manifest = await read(whole);
    expect(manifest).toMatchObject({
      claims: { wires: ["grpc", "connect+json"] },
      launch: { ready: "grpc_health", vectors: false },
      bounds: { lease: 6_000, interrupt: 1_500, notify_poll: boundDefinitions.notify_poll.maxMs },
    });
    expect(Object.keys(manifest.bounds).sort()).toEqual(Object.keys(boundDefinitions).sort());
  });

  it.each<[string, (text: string) => string, string]>([
    [
      "a wire that does not exist",
      (text) => text.replace("connect+json]", "conect]"),
      ':6: claims.wires[1]: "conect" is not known: write one of grpc, grpc-web, connect, connect+json',
    ],
    [
      "a wire twice",
      (text) => text.replace("connect+json]", "grpc]"),
      ":6: claims.wires: names something twice",
    ],
    [
      "no profile",
      (text) => text.replace("[core, cluster]", "[]"),
      ":5: claims.profiles: claim at least one profile",
    ],
    [
      "a protocol that is a number",
      (text) => text.replace('"1"', "1"),
      ':4: claims.protocol: write "1", in quotes',
    ],
    [
      "a bound above the protocol's",
      (text) => text.replace("6s", "31s"),
      ':15: bounds.lease: "31s" is more than the protocol allows: write a duration of at most 30 s',
    ],
    ["a bound without a unit", (text) => text.replace("6s", "6"), ":15: bounds.lease: write a duration"],
    ["an unknown key", (text) => `${text}extra: 1\n`, ":18: extra: is no key here"],
    ["a missing key", (text) => text.replace(/^implementation.*\n/m, ""), ": implementation: is missing"],
    [
      "a placeholder that stands for nothing",
      (text) => text.replace("{listen}", "{port}"),
      ":12: launch.env.PALAVER_LISTEN: {port} stands for nothing: write one of {listen}",
    ],
    [
      "a store that nobody knows",
      (text) => text.replace(/^ {2}store:.*\n/m, ""),
      "launch.store: {link.store} is used, and nobody knows where it is",
    ],
    [
      "no place to listen",
      (text) => text.replace("{listen}", "127.0.0.1:1"),
      "launch.env: no replica is told where to listen",
    ],
    [
      "too many replicas",
      (text) => text.replace("replicas: 3", "replicas: 4"),
      ":9: launch.replicas: write a whole number from 1 to 3",
    ],
    [
      "a token instead of a variable",
      (text) => text.replace("token_env: ALICE", "token_env: se-cr.et"),
      ":16: auth.alice.token_env: ",
    ],
    [
      "launch and attach",
      (text) => `${text}attach: { urls: ["http://127.0.0.1:1"] }\n`,
      "write either launch",
    ],
    [
      "neither launch nor attach",
      (text) => text.replace(/^launch:\n( .*\n)+/m, ""),
      "attach: write either launch",
    ],
    ["something else than YAML", () => "schema: [", "at line 1"],
  ])("with %s is refused, with the place and what to write", async (_, change, message) => {
    const changed = change(whole);
    expect(changed).not.toBe(whole);
    await expect(read(changed)).rejects.toThrow(message);
  });

  it("that is not there is refused by name", async () => {
    await expect(readYaml(join(folder, "none.yaml"), manifestSchema)).rejects.toThrow(
      "none.yaml cannot be read (ENOENT)",
    );
  });
});
