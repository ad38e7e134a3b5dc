import { create } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { expect, it } from "vitest";
import { ParseRowsRequestSchema } from "../gen/palaver/chat/v1/import_service_pb.js";
import { systemClock } from "../platform/index.js";
import { createImportService, type ImportServiceDeps } from "./import-service.js";

it("whoever else waits for the server has a turn while many or large rows are parsed", async () => {
  let turns = 0;
  const clock = {
    ...systemClock,
    sleep: (...args: Parameters<typeof systemClock.sleep>) => {
      turns += 1;
      return systemClock.sleep(...args);
    },
  };
  const service = createImportService({ clock } as unknown as ImportServiceDeps);
  const parse = async (count: number, contentJson: string, signal = new AbortController().signal) => {
    const rows = Array.from({ length: count }, () => ({ role: "user", contentVersion: 2, contentJson }));
    turns = 0;
    return service.parseRows(create(ParseRowsRequestSchema, { rows }), { signal } as HandlerContext);
  };
  expect((await parse(1_000, "[]")).rows).toHaveLength(1_000);
  expect(turns).toBe(2);
  await parse(3, `["${"x".repeat(1024 * 1024)}"]`);
  expect(turns).toBe(3);
  // Nobody waits for it any more.
  await expect(parse(1_000, "[]", AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
  expect(turns).toBe(1);
});
