import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { text } from "../../surroundings/scripted-model/script.js";
import { defineCase } from "../../suite/cases/define-case.js";
import { messagesTold, talk, watchedChat } from "../kit/watched-turns.js";

const pageSize = 2;

export const limitAndOlder = defineCase({
  id: "snapshot/limit-and-older",
  title: "what a subscription leaves out can be listed, page by page, without overlap or hole",
  rules: ["STREAM-2", "PAGE-1"],
  level: "MUST",
  profile: "core",
  needs: ["model"],
  mutant: "M127",
  limitMs: 60_000,
  run: async (context) => {
    const { arrange, check, client, model, waitFor, watch } = context;
    const { chat, watcher } = await watchedChat(context);
    const script = model.script([text("one")], [text("two")], [text("three")], [text("four")]);
    for (const word of ["first", "second", "third"]) await talk(context, watcher, script.says(word));
    const ids = [...watcher.view.messages.keys()];
    const after = ids[2] ?? 0n;

    const late = watch(chat.id, { afterMessageId: after });
    await waitFor(
      {
        rule: "STREAM-2",
        sentence: "who wants the newest is caught up",
        happens: (signal) => late.caughtUp({ signal }),
      },
      "response",
    );
    check("STREAM-2", "exactly the messages after the given id are told", {
      expected: ids.slice(3),
      observed: messagesTold(late.events).map(({ id }) => id),
    });

    const pages: bigint[][] = [];
    for (let pageToken = ""; pages.length < 20; ) {
      const page = await waitFor(
        {
          rule: "PAGE-1",
          sentence: "a page of the history can be read",
          happens: () =>
            client().unary(ChatService.method.listMessages, { chatId: chat.id, pageSize, pageToken }),
        },
        "response",
      );
      pages.push(page.messages.map(({ id }) => id));
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
    check("PAGE-1", "the pages are the whole history, each message once", {
      expected: ids,
      observed: pages.flat(),
    });
    check("PAGE-1", "no page is larger than was asked for", {
      expected: `at most ${pageSize}`,
      observed: pages.map((page) => page.length),
      holds: pages.every((page) => page.length <= pageSize),
    });
    const older = pages.flat().filter((id) => id <= after);
    check("STREAM-2", "what was told and what is older are the whole history, without overlap or hole", {
      expected: ids,
      observed: [...older, ...messagesTold(late.events).map(({ id }) => id)],
    });

    await arrange("one more turn", "response", () => talk(context, watcher, script.says("fourth")));
    await waitFor(
      {
        rule: "STREAM-2",
        sentence: "what is new is told as to everybody",
        happens: (signal) => late.settled({ signal }, ({ messages }) => messages.size === 5),
      },
      "response",
    );
  },
});
