import { expect, it } from "vitest";
import { decide, maxStepsPerTurn } from "./decide.js";

const roles = (...names: ("system" | "user" | "assistant" | "tool")[]): { role: (typeof names)[number] }[] =>
  names.map((role) => ({ role }));
const call = { toolCallId: "c1", toolName: "lookup" };

it.each([
  ["a user message is answered", roles("system", "user"), [], "call-model"],
  ["results are told to the model", roles("user", "assistant", "tool"), [], "call-model"],
  ["open calls are run, whatever else the history says", roles("user", "assistant"), [call], "run-tools"],
  ["an answer ends the turn", roles("user", "assistant"), [], "finish-turn"],
  ["an empty chat has nothing to answer", [], [], "finish-turn"],
  ["instructions alone are nothing to answer", roles("system"), [], "finish-turn"],
])("%s", (_title, history, calls, expected) => {
  expect(decide(history, calls).type).toBe(expected);
});

it("ends a turn that has taken its steps, and counts afresh after each user message", () => {
  const steps = Array.from({ length: maxStepsPerTurn }, () => roles("assistant", "tool")).flat();
  expect(decide([...roles("user"), ...steps], [])).toEqual({ type: "finish-turn", why: "step-limit" });
  expect(decide([...roles("user"), ...steps, ...roles("user")], [])).toEqual({ type: "call-model" });
});
