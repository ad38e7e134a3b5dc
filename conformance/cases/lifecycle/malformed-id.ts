import { defineCase } from "../../suite/cases/define-case.js";
import { chatCalls } from "../kit/chat-calls.js";

const malformed = "not-a-uuid";

export const malformedId = defineCase({
  id: "lifecycle/malformed-id",
  title: "every method that is about one chat refuses an id that is no UUID, and names the field",
  rules: ["ERR-1"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M113",
  limitMs: 60_000,
  run: async ({ check, client, waitFor }) => {
    for (const { name, field, refusal } of chatCalls) {
      const failure = await waitFor(
        {
          rule: "ERR-1",
          sentence: `${name} with a malformed id is answered`,
          happens: (signal) => refusal(client(), malformed, { signal }),
        },
        "response",
      );
      check("ERR-1", `${name}: the request is invalid, and the field at fault is named`, {
        expected: {
          code: "INVALID_ARGUMENT",
          reason: "INVALID_REQUEST",
          domain: "palaver.dev",
          fields: [field],
        },
        observed: {
          code: failure?.code ?? "accepted",
          reason: failure?.reason,
          domain: failure?.domain,
          fields: failure?.violations.map((violation) => violation.field),
        },
      });
    }
  },
});
