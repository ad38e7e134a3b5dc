import { toJson } from "@bufbuild/protobuf";
import { SendMessageResponseSchema } from "../gen/palaver/chat/v1/chat_service_pb.js";
import { fileOption, whenBusyOption } from "./chat-command.js";
import { type ClientOptions, withClientOptions, withConnection } from "./client-options.js";
import { type AddCommand, examples } from "./command.js";
import { messageText, sendMessage, type WhenBusyChoice } from "./send.js";
import { writeJsonLine } from "./terminal.js";
import { uploadFiles } from "./upload-files.js";

interface SendOptions extends ClientOptions {
  readonly file?: readonly string[];
  readonly model?: string;
  readonly whenBusy: WhenBusyChoice;
}

export const addSendCommand: AddCommand = (program, context) => {
  const command = program
    .command("send")
    .description("send a message and do not wait for the answer")
    .argument("<chat>", "the chat's id")
    .argument("[text]", "what to say; - reads it from standard input; may be left out with --file")
    .addOption(fileOption())
    .option("--model <id>", "the model that answers from now on, as provider/model")
    .addOption(whenBusyOption())
    .addHelpText(
      "after",
      examples(
        'palaver send ID "and in French?"',
        "palaver send ID --when-busy interrupt - < question.txt",
        "palaver send ID --file a.pdf --file b.pdf",
      ),
    );
  withClientOptions(command).action(
    async (chatId: string, given: string | undefined, options: SendOptions) => {
      const { stdout, stdin, random } = context;
      const { model, whenBusy, file: paths = [] } = options;
      const text = await messageText(given ?? "", stdin, paths.length > 0);
      const sent = await withConnection(context, options, async (connection) => {
        const fileIds = await uploadFiles(connection, paths, context);
        return sendMessage(connection, chatId, { text, fileIds, model, whenBusy }, { random });
      });
      const { outcome } = sent;
      if (options.json === true) writeJsonLine(stdout, toJson(SendMessageResponseSchema, sent));
      else if (outcome.case === "queuedMessage") stdout.write(`queued as ${outcome.value.id}\n`);
      else stdout.write(`sent${outcome.value === undefined ? "" : ` as message ${outcome.value.id}`}\n`);
    },
  );
};
