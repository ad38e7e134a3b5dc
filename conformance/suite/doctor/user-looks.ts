import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { ImportService } from "../../../src/gen/palaver/chat/v1/import_service_pb.js";
import type { RpcClient } from "../../surroundings/clients/call.js";
import { RpcError } from "../../surroundings/clients/rpc-failure.js";
import { createChat, getChat } from "../../cases/kit/chats.js";
import type { Manifest } from "../manifest/manifest.js";
import type { OpenStage } from "../run/stage.js";
import type { Look } from "./look.js";

/** The users are two, and each has chats of their own. */
export function secondUserLook({ bounds }: Pick<Manifest, "bounds">, stage: OpenStage["stage"]): Look {
  return {
    about: "two users",
    need: "second_user",
    limitMs: 2 * bounds.response,
    advice:
      "let the tokens in auth.alice and auth.bob be those of two users, neither of whom may read everything",
    look: async () => {
      for (const [owner, other] of [
        ["alice", "bob"],
        ["bob", "alice"],
      ] as const) {
        const { id } = await createChat(stage, { account: owner });
        await getChat(stage, id, { account: owner });
        const seen = await getChat(stage, id, { account: other }).then(
          () => true,
          (error: unknown) => {
            if (error instanceof RpcError && error.failure.code === "NOT_FOUND") return false;
            throw error;
          },
        );
        await deleteChat(stage.client({ account: owner }), id);
        if (seen) throw new Error(`${other} reads a chat of ${owner}`);
      }
      return "alice and bob have chats of their own";
    },
  };
}

/** Rows can be read and imported. */
export function importLook({ bounds }: Pick<Manifest, "bounds">, { client }: OpenStage["stage"]): Look {
  return {
    about: "import",
    need: "vectors",
    limitMs: bounds.response,
    advice: "serve ImportService, and let the token in auth.admin be that of somebody who may call it",
    look: async () => {
      const rows = [{ role: "user", contentVersion: 2, contentJson: '[{"type":"text","text":"hello"}]' }];
      const admin = client({ account: "admin" });
      const { rows: parsed } = await admin.unary(ImportService.method.parseRows, { rows });
      const [part] = parsed[0]?.parts ?? [];
      if (part?.kind.case !== "text" || part.kind.value.text !== "hello")
        throw new Error("ParseRows answers, and does not read a row with one text");
      return "ParseRows answers the admin";
    },
  };
}

async function deleteChat(client: RpcClient, chatId: string): Promise<void> {
  await client.unary(ChatService.method.deleteChat, { chatId });
}
