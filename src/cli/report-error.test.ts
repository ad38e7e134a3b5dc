import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { PalaverError } from "../protocol/index.js";
import { StartError } from "../server/index.js";
import { StoreError } from "../store/index.js";
import { usageError } from "./cli-error.js";
import { formatReport, reportOf } from "./report-error.js";

const url = "http://server";

function answered(code: Code, reason: string, message: string): ConnectError {
  return new ConnectError(message, code, undefined, [
    { desc: ErrorInfoSchema, value: { reason, domain: "palaver.dev" } },
  ]);
}

test("what a server refuses is told with its reason and what to do", () => {
  const report = reportOf(answered(Code.FailedPrecondition, "CHAT_BUSY", "A turn runs."), url);
  expect(report.exitCode).toBe(1);
  expect(formatReport(report)).toBe(
    "A turn runs. [CHAT_BUSY]\n  Wait for the turn, end it with `npx palaver stop CHAT`, or send with --when-busy queue.\n",
  );
});

test("a chat id that is none: where to find one", () => {
  const error = new ConnectError("chat_id: must be a UUID", Code.InvalidArgument, undefined, [
    { desc: ErrorInfoSchema, value: { reason: "INVALID_REQUEST", domain: "palaver.dev" } },
    { desc: BadRequestSchema, value: { fieldViolations: [{ field: "chat_id" }] } },
  ]);
  expect(reportOf(error, url).advice).toBe("`npx palaver ls` lists your chats.");
});

test("a port that is taken may be any of those that a replica listens on", () => {
  const { advice } = reportOf(new StartError("PORT_IN_USE", "Port 7718 on 127.0.0.1 is in use."));
  for (const setting of ["--listen", "PALAVER_LISTEN", "PALAVER_RELAY_LISTEN", "PALAVER_METRICS_LISTEN"])
    expect(advice).toContain(setting);
});

test("no server", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:7717"), { code: "ECONNREFUSED" });
  const report = reportOf(
    ConnectError.from(new ConnectError("x", Code.Unavailable, undefined, undefined, refused)),
    url,
  );
  expect(report).toMatchObject({ exitCode: 3, reason: "SERVER_UNREACHABLE" });
  expect(formatReport(report)).toBe(
    "Cannot reach http://server (ECONNREFUSED). [SERVER_UNREACHABLE]\n  Is the server running? Start it with: npx palaver serve\n",
  );
});

test("a connection that breaks", () => {
  expect(reportOf(new ConnectError("stream closed", Code.Canceled), url)).toMatchObject({
    exitCode: 3,
    reason: "CONNECTION_LOST",
  });
});

test("something else answers", () => {
  const report = reportOf(new ConnectError("HTTP 404", Code.Unimplemented), url);
  expect(report).toMatchObject({ exitCode: 3, reason: "UNEXPECTED_ANSWER" });
  expect(report.message).toContain("http://server does not answer like a Palaver server");
});

test("a server that answers that it is not available was reached", () => {
  expect(reportOf(answered(Code.Unavailable, "SHUTTING_DOWN", "Bye."), url)).toMatchObject({
    exitCode: 1,
    reason: "SHUTTING_DOWN",
  });
});

test("wrong usage, configuration and setup exit with 2", () => {
  expect(reportOf(usageError("No.")).exitCode).toBe(2);
  expect(reportOf(new PalaverError("invalid_argument", "INVALID_CONFIGURATION", "No.")).exitCode).toBe(2);
  expect(reportOf(new StoreError("DATA_DIR_IN_USE", "No."))).toMatchObject({
    exitCode: 2,
    reason: "DATA_DIR_IN_USE",
  });
});

test("a surprise says how to learn more, and a server's words cannot give orders to the terminal", () => {
  expect(reportOf(new TypeError("x is undefined"))).toMatchObject({ exitCode: 1, reason: "UNEXPECTED" });
  expect(formatReport(reportOf(answered(Code.NotFound, "X", "a\u001b[2Jb")))).toBe("a[2Jb [X]\n");
});
