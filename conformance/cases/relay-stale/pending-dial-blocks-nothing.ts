import { ChatService, WhenBusy } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { send, told } from "../kit/chats.js";
import { showing } from "../kit/relays.js";
import { dialsHang } from "./scene.js";

export const pendingDialBlocksNothing = defineCase({
  id: "relay-stale/pending-dial-blocks-nothing",
  title: "while a dial hangs, the queue, the title and committed messages are told",
  rules: ["RELAY-4"],
  level: "MUST",
  profile: "cluster",
  needs: ["model", "replicas", "links"],
  mutant: "M02",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, client, links, waitFor } = context;
    const { turn, at } = await dialsHang(context);
    const { chatId, script, owner, others } = turn;
    const via = { replica: others[0] };
    const [watcher] = at.keys();
    if (watcher === undefined) throw new Error("nobody watches");
    await waitFor(
      {
        rule: "RELAY-4",
        sentence: "the snapshot is told to its end",
        happens: (signal) => watcher.caughtUp({ signal }),
      },
      "response",
    );
    await arrange("a message for later", "response", () =>
      send(context, chatId, script.says("and then"), { ...via, whenBusy: WhenBusy.QUEUE }),
    );
    await waitFor(
      {
        rule: "RELAY-4",
        sentence: "the queue is told",
        happens: (signal) => watcher.until("the queue", ({ queue }) => queue.length === 1, { signal }),
      },
      "response",
    );
    await arrange("a title", "response", () =>
      client(via).unary(ChatService.method.updateChat, {
        chat: { id: chatId, title: "named" },
        updateMask: { paths: ["title"] },
      }),
    );
    await waitFor(
      {
        rule: "RELAY-4",
        sentence: "the title is told",
        happens: (signal) => watcher.until("the title", ({ chat }) => chat?.title === "named", { signal }),
      },
      "response",
    );
    script.open("old-model");
    script.open("old-end");
    const view = await waitFor(
      {
        rule: "RELAY-4",
        sentence: "the committed messages are told",
        happens: (signal) =>
          watcher.until("messages", (known) => known.messages.size === 3 && known, { signal }),
      },
      "response",
    );
    check("RELAY-4", "as they are, while the dial still hangs", {
      expected: [
        [`user: ${script.says("go")}`, "assistant: old STALE", `user: ${script.says("and then")}`],
        "held",
      ],
      observed: [told(view.messages.values()), links(owner).relay.mode],
    });
    links(owner).relay.release();
    await waitFor(
      {
        rule: "RELAY-4",
        sentence: "deltas are shown again as soon as it does not hang any more",
        happens: showing(watcher, "new "),
      },
      "relay_recovery",
    );
  },
});
