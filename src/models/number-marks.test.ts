import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseJson } from "./exact-json.js";
import { createNumberMarks } from "./number-marks.js";

const marks = createNumberMarks("5e0ca3f2");

/** Says what it was sent. */
const echo = createServer((req, res) => void req.pipe(res));
let url: string;
beforeAll(async () => {
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  url = `http://127.0.0.1:${String((echo.address() as AddressInfo).port)}`;
});
afterAll(() => void echo.close());

const sent = async (body: string): Promise<string> =>
  (await marks.fetch(url, { method: "POST", body })).text();

it.each([
  '{"id":12345678901234567890}',
  '{"a":[-9007199254740993,1.10,1e400,-0,0.1],"s":"12345678901234567890 \\" 1e400 \\\\"}',
  '{"__proto__":{"n":9007199254740993}}',
])("every digit of %s is sent, plainly and quoted in another text", async (json) => {
  const value = parseJson(json, marks.mark);
  expect(await sent(JSON.stringify({ input: value }))).toBe(`{"input":${json}}`);
  const quoted = JSON.stringify({ arguments: JSON.stringify(value) });
  expect(JSON.parse(await sent(quoted))).toEqual({ arguments: json });
});

it("what holds no mark is sent as it is", async () => {
  await fc.assert(
    fc.asyncProperty(fc.json(), async (json) => {
      expect(await sent(json)).toBe(json);
    }),
    { numRuns: 50 },
  );
});

it("numbers are all that is marked", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const json = JSON.stringify(value);
      expect(parseJson(json, () => "marked")).toEqual(JSON.parse(json));
    }),
  );
});
