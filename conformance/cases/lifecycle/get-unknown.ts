import { defineCase } from "../../suite/cases/define-case.js";
import { chatCalls } from "../kit/chat-calls.js";
import { refusalInWords } from "../kit/watched-turns.js";

export const getUnknown = defineCase({
  id: "lifecycle/get-unknown",
  title: "every method that is about one chat says CHAT_NOT_FOUND of one that does not exist",
  rules: ["ERR-5"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M112",
  limitMs: 60_000,
  run: async ({ check, client, random, waitFor }) => {
    const digits = Buffer.from(random.nonce()).toString("hex").padEnd(12, "0").slice(0, 12);
    const nobodys = `00000000-0000-4000-8000-${digits}`;
    for (const { name, refusal } of chatCalls) {
      const failure = await waitFor(
        {
          rule: "ERR-5",
          sentence: `${name} of an unknown chat is answered`,
          happens: (signal) => refusal(client(), nobodys, { signal }),
        },
        "response",
      );
      check("ERR-5", `${name}: an unknown chat is not found`, {
        expected: "NOT_FOUND CHAT_NOT_FOUND",
        observed: refusalInWords(failure),
      });
    }
  },
});
