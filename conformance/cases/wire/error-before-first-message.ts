import { randomUUID } from "node:crypto";
import { defineCase } from "../../suite/cases/define-case.js";

export const errorBeforeFirstMessage = defineCase({
  id: "wire/error-before-first-message",
  title: "a stream that is refused at once says so as the wire has it, and nothing else",
  rules: ["ERR-1"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M158",
  wires: "each",
  limitMs: 30_000,
  run: async (context) => {
    const { check, waitFor, watch } = context;
    const watcher = watch(randomUUID());
    const end = await waitFor(
      { rule: "ERR-1", sentence: "the stream ends", happens: (signal) => watcher.ended({ signal }) },
      "response",
    );
    check("ERR-1", "it ends with the error", {
      expected: ["NOT_FOUND", "CHAT_NOT_FOUND", "target"],
      observed: end.how === "failed" ? [end.failure.code, end.failure.reason, end.failure.origin] : [end.how],
    });
    const kinds = watcher.call.frames.map(({ kind }) => kind);
    check("ERR-1", "no message comes, and the error comes once, in what ends the stream", {
      expected: ["trailers", "end"],
      observed: kinds.filter((kind) => kind !== "headers"),
    });
    const status = watcher.call.frames.flatMap((frame) =>
      frame.kind === "headers" ? (frame.headers[":status"] ?? []) : [],
    );
    // grpc-js does not show it.
    check("ERR-1", "the HTTP status of a stream is 200: the error is in the stream", {
      expected: "200",
      observed: status[0] ?? "200",
    });
  },
});
