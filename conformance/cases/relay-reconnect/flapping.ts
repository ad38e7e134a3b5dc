import { defineCase } from "../../suite/cases/define-case.js";
import { gate, text } from "../../surroundings/scripted-model/script.js";
import { deltasTold, drop, entered, showing } from "../kit/relays.js";
import { shownUpTo } from "./scene.js";

const drops = ["one ", "two ", "three "];

/** The shortest pause before a redial that can be called 500 ms with jitter. */
const shortestPauseMs = 250;

export const flapping = defineCase({
  id: "relay-reconnect/flapping",
  title: "several drops in one turn lose and repeat nothing, and redials are spaced",
  rules: ["RELAY-5", "RELAY-7"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M175",
  limitMs: 90_000,
  run: async (context) => {
    const { check, precondition, waitFor } = context;
    const { turn, watcher, relay } = await shownUpTo(context, "zero ", [
      text("zero "),
      ...drops.flatMap((word) => [gate(word), text(word)]),
      gate("down"),
      text("end"),
      gate("end"),
    ]);
    for (const word of drops) {
      precondition("the link drops", drop(relay) > 0);
      turn.script.open(word);
      await waitFor(
        { rule: "RELAY-5", sentence: `"${word}" is shown`, happens: showing(watcher, word) },
        "relay_recovery",
      );
    }
    const since = relay.journal.mark;
    precondition("the link is down", relay.sever() > 0);
    const attempts = await waitFor(
      {
        rule: "RELAY-5",
        sentence: "it is dialled again and again",
        happens: entered(relay, ({ event }) => event === "refused", { since, count: 2 }),
      },
      "relay_recovery",
    );
    relay.mend();
    const times = [relay.journal.entries[since]?.atMs ?? 0, ...attempts.map(({ atMs }) => atMs)];
    const pausesMs = times.slice(1).map((atMs, index) => Math.round(atMs - (times[index] ?? 0)));
    check("RELAY-5", "there are pauses before redials", {
      expected: `each at least ${shortestPauseMs} ms`,
      observed: pausesMs,
      holds: pausesMs.every((ms) => ms >= shortestPauseMs),
    });
    turn.script.open("down");
    await waitFor(
      { rule: "RELAY-5", sentence: "the rest is shown", happens: showing(watcher, "end") },
      "relay_recovery",
    );
    check("RELAY-7", "each delta came once, in order", {
      expected: ["zero one two three end"],
      observed: deltasTold(watcher.events),
    });
  },
});
