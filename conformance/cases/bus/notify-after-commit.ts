import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { createChat, getChat, send } from "../kit/chats.js";
import { announced, rename } from "../kit/cluster.js";
import { idleWith } from "../kit/relays.js";

export const notifyAfterCommit = defineCase({
  id: "bus/notify-after-commit",
  title: "when a notification is seen, the version that it names can be read",
  rules: ["BUS-3"],
  level: "MUST",
  profile: "bus",
  needs: ["model", "replicas", "links", "bus"],
  mutant: "M16",
  limitMs: 90_000,
  run: async (context) => {
    const { arrange, bus, check, links, model, precondition, replica, use, watch } = context;
    const [slow, reader] = [replica(0), replica(1)];
    const script = model.script([text("an answer")]);
    const { id: chatId } = await arrange("a chat", "response", () => createChat(context));
    const watcher = watch(chatId, { replica: reader });
    await arrange("somebody watches it", "response", (signal) => watcher.caughtUp({ signal }));

    const early: string[] = [];
    let looked = 0;
    const over = new AbortController();
    use({ [Symbol.dispose]: () => over.abort() });
    const lookAtEach = async (): Promise<void> => {
      for (;;) {
        const next = await bus
          .until("another notification", () => announced(context, chatId)[looked], { signal: over.signal })
          .catch(() => undefined);
        if (next === undefined) return;
        const version = next.notification?.snapshotVersion ?? 0n;
        const { versions } = await getChat(context, chatId, { replica: reader });
        looked += 1;
        if ((versions?.snapshotVersion ?? 0n) < version)
          early.push(`version ${version} was announced when ${versions?.snapshotVersion} was what there is`);
      }
    };
    const looking = lookAtEach();
    // Between what this one says to others and the arrival of its next word at the store there is time to look.
    const { store } = links(slow);
    store.shape({ delayMs: 100 });
    const passed = store.journal.bytes.passed;
    for (const title of ["one", "two"])
      await arrange(`the title ${title}`, "response", () =>
        rename(context, chatId, title, { replica: slow }),
      );
    precondition("they took their way over the slow link", store.journal.bytes.passed > passed);
    store.mend();
    await arrange("a turn", "response", async (signal) => {
      await send(context, chatId, script.says("go"), { replica: slow });
      await idleWith(watcher, 2)(signal);
    });
    const { versions } = await arrange("its versions", "response", () => getChat(context, chatId));
    await arrange("the newest is announced", "notify_poll", (signal) =>
      bus.until(
        "the newest version",
        () =>
          announced(context, chatId).find(
            ({ notification }) => notification?.snapshotVersion === versions?.snapshotVersion,
          ),
        { signal },
      ),
    );
    over.abort();
    await arrange("all that was announced was looked at", "response", () => looking);
    precondition("several versions were announced and looked at", looked >= 4);
    check("BUS-3", "no version was announced before it could be read", { expected: [], observed: early });
    check("BUS-3", "each notification has the message id <chat id>:<snapshot version>", {
      expected: [],
      observed: announced(context, chatId).flatMap(({ headers, notification }) => {
        const id = headers["Nats-Msg-Id"];
        return id === `${chatId}:${notification?.snapshotVersion}` ? [] : [id ?? "none"];
      }),
    });
  },
});
