import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { all, halfAnswer, heldTurn, watchAt } from "../kit/cluster.js";
import { interrupt, plainly } from "../kit/turns.js";

export const interruptWhileUnowned = defineCase({
  id: "owner/interrupt-while-unowned",
  title: "an interrupt that is sent while the owner is dead takes effect",
  rules: ["OWN-7"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "processes"],
  mutant: "M189",
  limitMs: 90_000,
  run: async (context) => {
    const { arrange, check, mayLose, process, waitFor } = context;
    const { chatId, script, owner, others } = await heldTurn(context, halfAnswer, [text("not wanted")]);
    const watchers = await watchAt(context, chatId, others);
    mayLose(`${owner.name} is killed`);
    await arrange(`${owner.name} is killed`, "response", () => process(owner).kill());
    await waitFor(
      {
        rule: "OWN-7",
        sentence: "the interrupt is accepted",
        happens: () => interrupt(context, chatId, { replica: others[0] }),
      },
      "response",
    );
    const views = await waitFor(
      {
        rule: "OWN-7",
        sentence: "the chat comes to rest",
        happens: all(watchers, (watcher) => (signal) => watcher.settled({ signal })),
      },
      "lease",
    );
    check("OWN-7", "the chat waits for the user", {
      expected: watchers.map(() => ChatStatus.WAITING),
      observed: views.map(({ status }) => status),
    });
    check("OWN-7", "nobody has called the model again", { expected: 1, observed: script.calls.length });
    const [first = [], ...more] = views.map(({ messages }) => plainly(messages.values()));
    const [question, partial = "assistant (interrupted): "] = first;
    check("OWN-7", "there is no answer, but for what was shown before the interrupt", {
      expected: ["user: go", "assistant (interrupted): half an "],
      observed: first,
      holds:
        question === "user: go" &&
        first.length <= 2 &&
        "assistant (interrupted): half an ".startsWith(partial),
    });
    check("OWN-7", "everybody who watches has the same", { expected: more.map(() => first), observed: more });
  },
});
