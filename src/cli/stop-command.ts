import { toJson } from "@bufbuild/protobuf";
import { ChatSchema } from "../gen/palaver/chat/v1/chat_pb.js";
import { statusName } from "./chat-status.js";
import { type ClientOptions, withClientOptions, withConnection } from "./client-options.js";
import { type AddCommand, examples } from "./command.js";
import { present } from "./send.js";
import { writeJsonLine } from "./terminal.js";

export const addStopCommand: AddCommand = (program, context) => {
  const command = program
    .command("stop")
    .description("interrupt the answer that is being generated; what there is of it is kept")
    .argument("<chat>", "the chat's id")
    .addHelpText("after", examples("palaver stop ID"));
  withClientOptions(command).action(async (chatId: string, options: ClientOptions) => {
    const chat = await withConnection(context, options, async ({ chats }) =>
      present((await chats.interruptChat({ chatId })).chat),
    );
    if (options.json === true) writeJsonLine(context.stdout, toJson(ChatSchema, chat));
    else context.stdout.write(`${statusName(chat.status)}\n`);
  });
};
