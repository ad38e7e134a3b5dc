import { toJson } from "@bufbuild/protobuf";
import { SendMessageResponseSchema } from "../gen/palaver/chat/v1/chat_service_pb.js";
import { whenBusyOption } from "./chat-command.js";
import { type ClientOptions, withClientOptions, withConnection } from "./client-options.js";
import { type AddCommand, examples } from "./command.js";
import { messageText, sendMessage, type WhenBusyChoice } from "./send.js";
import { writeJsonLine } from "./terminal.js";

interface SendOptions extends ClientOptions {
  readonly model?: string;
  readonly whenBusy: WhenBusyChoice;
}

export const addSendCommand: AddCommand = (program, context) => {
  const command = program
    .command("send")
    .description("send a message and do not wait for the answer")
    .argument("<chat>", "the chat's id")
    .argument("<text>", "what to say; - reads it from standard input")
    .option("--model <id>", "the model that answers from now on, as provider/model")
    .addOption(whenBusyOption())
    .addHelpText(
      "after",
      examples('palaver send ID "and in French?"', "palaver send ID --when-busy interrupt - < question.txt"),
    );
  withClientOptions(command).action(async (chatId: string, given: string, options: SendOptions) => {
    const { stdout, stdin, random } = context;
    const { model, whenBusy } = options;
    const text = await messageText(given, stdin);
    const sent = await withConnection(context, options, (connection) =>
      sendMessage(connection, chatId, { text, model, whenBusy }, { random }),
    );
    const { outcome } = sent;
    if (options.json === true) writeJsonLine(stdout, toJson(SendMessageResponseSchema, sent));
    else if (outcome.case === "queuedMessage") stdout.write(`queued as ${outcome.value.id}\n`);
    else stdout.write(`sent${outcome.value === undefined ? "" : ` as message ${outcome.value.id}`}\n`);
  });
};
