import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { defineCase } from "../../suite/cases/define-case.js";

const pageSize = 3;

export const listStablePages = defineCase({
  id: "lifecycle/list-stable-pages",
  title: "chats that are added while a list is paged through neither repeat nor hide one that was there",
  rules: ["PAGE-1"],
  level: "MUST",
  profile: "core",
  needs: [],
  mutant: "M114",
  limitMs: 60_000,
  run: async ({ arrange, check, client, modelName, random, waitFor }) => {
    const run = random.nonce();
    const create = async (title: string): Promise<void> => {
      const request = { title, model: modelName() ?? "", labels: { run } };
      await client().unary(ChatService.method.createChat, request);
    };
    const titles = Array.from({ length: 8 }, (_, index) => `there before ${index + 1}`);
    for (const title of titles) await arrange("a chat", "response", () => create(title));

    const listed: string[] = [];
    // More pages than there can be chats: a list that never ends is found as well.
    for (let page = 0, pageToken = ""; page < 20; page += 1) {
      const answer = await waitFor(
        {
          rule: "PAGE-1",
          sentence: "a page of the list can be read",
          happens: () =>
            client().unary(ChatService.method.listChats, {
              pageSize,
              pageToken,
              filter: `labels.run = "${run}"`,
            }),
        },
        "response",
      );
      listed.push(...answer.chats.map(({ title }) => title));
      pageToken = answer.nextPageToken;
      if (pageToken === "") break;
      await arrange("a chat is added meanwhile", "response", () => create(`added ${page + 1}`));
    }
    const before = listed.filter((title) => titles.includes(title));
    check("PAGE-1", "each chat that was there is listed once, newest first", {
      expected: titles.toReversed(),
      observed: before,
    });
    check("PAGE-1", "no chat is listed twice", {
      expected: [...new Set(listed)],
      observed: listed,
    });
  },
});
