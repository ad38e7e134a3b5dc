import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eof, gate, type ProviderServer, startProviderServer, text } from "./index.js";

let server: ProviderServer;
beforeAll(async () => {
  server = await startProviderServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const ask = (model: string): Promise<Response> =>
  fetch(`${server.access.openaiCompatible.baseUrl}/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model }),
  });

describe("the provider test server", () => {
  it("answers one request with each response, and says so when there are too many", async () => {
    const script = await server.script([text("one"), eof()], [text("two"), eof()]);
    const other = await server.script([text("other"), eof()]);
    expect(await (await ask(script.model)).text()).toContain('"one"');
    expect(await (await ask(other.model)).text()).toContain('"other"');
    expect(await (await ask(script.model)).text()).toContain('"two"');
    const third = await ask(script.model);
    expect(third.status).toBe(400);
    expect(await third.text()).toContain("No response is scripted for request 3");
  });

  it("holds a response at a gate, also if the gate is opened first", async () => {
    const script = await server.script([text("before"), gate("g"), text("after"), gate("already open")]);
    await script.open("already open");
    const response = await ask(script.model);
    await script.reached("g");
    expect(await script.request(0)).toMatchObject({
      index: 0,
      dialect: "compatible",
      body: { model: script.model },
    });
    expect((await script.requests())[0]?.end).toBeUndefined();
    await script.open("g");
    expect(await response.text()).toMatch(/"before"[^]*"after"[^]*\[DONE\]/);
    expect(await script.ended(0)).toBe("completed");
  });

  it("refuses what no provider has", async () => {
    expect((await fetch(`${server.url}/openai/v1/nothing`, { method: "POST" })).status).toBe(404);
  });

  it("is gone when it is disposed of", async () => {
    const own = await startProviderServer();
    await own[Symbol.asyncDispose]();
    await expect(fetch(own.url)).rejects.toThrow();
  });
});
