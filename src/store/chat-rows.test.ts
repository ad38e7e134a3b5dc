import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ChatRow,
  decodeChat,
  decodeMessage,
  decodeOpenCalls,
  type MessageRow,
  toJsonb,
} from "./chat-rows.js";

const chatRow: ChatRow = {
  id: "00000000-0000-4000-8000-000000000000",
  owner: "alice",
  title: "t",
  labels: "{}",
  archived: false,
  pinned: false,
  model: "scripted/default",
  status: "error",
  error: null,
  retry: null,
  action_deadline: null,
  open_calls: "[]",
  compaction_requested: false,
  worker_id: null,
  lease_epoch: 0,
  snapshot_version: 1,
  history_version: 1,
  queue_version: 1,
  retry_version: 1,
  metadata_version: 1,
  reset_version: 0,
  generation_attempt: 0,
  last_message_id: 0,
  last_queue_id: 0,
  created_at: new Date(0),
  updated_at: new Date(0),
};

const messageRow: MessageRow = {
  id: 1,
  revision: 1,
  role: "user",
  content: "[]",
  content_version: 2,
  visibility: "both",
  interrupted: false,
  model: null,
  author: "alice",
  usage: null,
  created_at: new Date(0),
};

describe("a chat's row", () => {
  const errorOf = (error: string | null) => decodeChat({ ...chatRow, error }).error;
  const unreadable = { message: "The turn failed.", kind: "generic" };

  it("reads an error as it was stored", () => {
    const error = {
      message: "a\0b",
      kind: "auth",
      provider: "anthropic",
      retryable: false,
      status_code: 401,
    };
    expect(errorOf(toJsonb(error))).toEqual(error);
  });

  it("reads a plain-text error of an older version as a generic one (ERR-4)", () => {
    expect(errorOf('"boom"')).toEqual({ message: "boom", kind: "generic" });
    expect(errorOf(toJsonb("a\0b"))).toEqual({ message: "a\0b", kind: "generic" });
  });

  it("without an error has none (ERR-4)", () => {
    expect(errorOf(null)).toBeUndefined();
  });

  it.each(["null", "1", "[]", "{}", '{"message":1}', '""'])(
    "reads the error %s as a neutral one",
    (error) => {
      expect(errorOf(error)).toEqual(unreadable);
    },
  );

  it("keeps what it can read of an error", () => {
    expect(errorOf('{"message":"m","kind":"new","provider":1,"status_code":1e12}')).toEqual({
      message: "m",
      kind: "generic",
    });
  });

  it.each(["null", "1", "{}", '{"attempt":1e12,"delay_ms":1,"due_at":"x","error":{}}'])(
    "reads the retry %s as none",
    (retry) => {
      expect(decodeChat({ ...chatRow, retry }).retry).toBeUndefined();
    },
  );

  it("reads a retry, whatever its error is", () => {
    const retry = toJsonb({ attempt: 1, delay_ms: 5, due_at: "2026-01-01T00:00:00Z", error: "boom" });
    expect(decodeChat({ ...chatRow, retry }).retry).toMatchObject({
      attempt: 1,
      error: { message: "boom", kind: "generic" },
    });
  });

  it.each(["null", '"x"', "{}", '[{"tool_call_id":1}]', "[null]"])("reads open calls %s as none", (calls) => {
    expect(decodeOpenCalls(calls)).toEqual([]);
    expect(decodeChat({ ...chatRow, open_calls: calls }).openCalls).toEqual([]);
  });

  it("reads open calls as they were stored", () => {
    const calls = [
      { tool_call_id: "1", tool_name: "a\0b", args_json: "{}", started_at: "2026-01-01T00:00:00Z" },
    ];
    expect(decodeOpenCalls(toJsonb(calls))).toEqual(calls);
  });

  it("reads the labels that are texts", () => {
    expect(decodeChat({ ...chatRow, labels: '{"a":"b","c":1}' }).labels).toEqual({ a: "b" });
    expect(decodeChat({ ...chatRow, labels: "[1]" }).labels).toEqual({});
  });

  it("is readable whatever JSON is in it", () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), fc.json(), fc.json(), (error, retry, open_calls, labels) => {
        expect(decodeChat({ ...chatRow, error, retry, open_calls, labels }).id).toBe(chatRow.id);
      }),
    );
  });
});

describe("a message's row", () => {
  it.each(["null", "1", "[]", "{}", '{"runtime_ms":-1}', '{"runtime_ms":1e300}'])(
    "reads the usage %s as none",
    (usage) => {
      expect(decodeMessage({ ...messageRow, usage }).usage).toBeUndefined();
    },
  );

  it("reads a usage as it was stored", () => {
    expect(decodeMessage({ ...messageRow, usage: '{"input_tokens":1,"runtime_ms":2.5}' }).usage).toEqual({
      input_tokens: 1,
      runtime_ms: 2.5,
    });
  });

  it("of a role that is newer than we are says so", () => {
    const role = "narrator" as MessageRow["role"];
    expect(decodeMessage({ ...messageRow, role, content: '[{"type":"text","text":"x"}]' })).toMatchObject({
      parts: [],
      contentError: "unsupported_role",
    });
  });

  it("is readable whatever JSON is in it", () => {
    fc.assert(
      fc.property(fc.json(), fc.json(), (content, usage) => {
        expect(decodeMessage({ ...messageRow, content, usage }).id).toBe(1);
      }),
    );
  });
});
