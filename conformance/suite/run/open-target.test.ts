import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { openClient } from "../../surroundings/clients/open-client.js";
import { wires } from "../../surroundings/clients/wires.js";
import { type Manifest, manifestSchema } from "../manifest/manifest.js";
import { readYaml } from "../manifest/read-yaml.js";
import { openTarget } from "./open-target.js";

const single = fileURLToPath(new URL("../../target.single.yaml", import.meta.url));

function launching(command: readonly string[], changes: object = {}): Manifest {
  return manifestSchema.parse({
    schema: "palaver.conformance.v1",
    implementation: { name: "example", version: "1.0" },
    claims: { protocol: "1", profiles: ["core"], wires: ["grpc"] },
    launch: { replicas: 1, command, env: { LISTEN: "{listen}" } },
    ...changes,
  });
}

describe("a target that runs", () => {
  const attached = (url: string): Manifest => ({
    ...launching(["{listen}"]),
    launch: undefined,
    attach: { urls: [url], vectors: false },
  });

  it("is reached where somebody listens", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using target = await openTarget(attached(url));
    expect(target.replicas).toEqual([{ name: "r1", url }]);
    server.close();
  });

  it("is not reached where nobody does: no case may fail for that", async () => {
    await expect(openTarget(attached("http://127.0.0.1:1"))).rejects.toThrow(
      "nobody listens at http://127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1)",
    );
    await expect(openTarget(attached("http://no-such-host.invalid"))).rejects.toThrow(
      /^nobody listens at http:\/\/no-such-host\.invalid \(.*(ENOTFOUND|EAI_AGAIN)/,
    );
  });
});

describe("a target that is started", { timeout: 120_000 }, () => {
  it("serves, is put right after a case that killed it, at the same place, and ends with the suite", async () => {
    const target = await openTarget(await readYaml(single, manifestSchema));
    const [replica] = target.replicas;
    const url = replica?.url ?? "";
    const chats = async (): Promise<number> => {
      using client = openClient(wires[0], url);
      return (await client.unary(ChatService.method.listChats, {}, { timeoutMs: 10_000 })).chats.length;
    };
    try {
      expect(await chats()).toBe(0);
      await replica?.process?.kill();
      expect(replica?.process?.isRunning).toBe(false);
      await expect(chats()).rejects.toThrow("UNAVAILABLE");
      await target.restore();
      expect(await chats()).toBe(0);
      expect(target.model?.baseUrl("r1")).toContain("/m/r1");
    } finally {
      await target[Symbol.asyncDispose]();
    }
    await expect(chats()).rejects.toThrow("UNAVAILABLE");
  });

  it("that ends before it serves is told of with its own words", async () => {
    const manifest = launching(["node", "-e", "console.error('no disk'); process.exit(3)"]);
    await expect(openTarget(manifest)).rejects.toThrow(/r1 ended before it served: no disk/);
  });

  it("is not started without what the manifest names of the environment", async () => {
    const manifest = launching(["node"], { auth: { alice: { token_env: "NOT_SET_ANYWHERE" } } });
    await expect(openTarget(manifest)).rejects.toThrow(
      "NOT_SET_ANYWHERE, the token of alice, is not set in the environment",
    );
  });
});
