import { Option } from "commander";
import { chatInteractively } from "./chat-interactive.js";
import { chatOnce } from "./chat-once.js";
import { usageError } from "./cli-error.js";
import { type ClientOptions, withClientOptions, withConnection } from "./client-options.js";
import { type AddCommand, examples } from "./command.js";
import { messageText, type WhenBusyChoice, whenBusyChoices } from "./send.js";
import { collectPath, uploadFiles } from "./upload-files.js";

interface ChatOptions extends ClientOptions {
  readonly chat?: string;
  readonly file?: readonly string[];
  readonly model?: string;
  readonly whenBusy: WhenBusyChoice;
}

export const whenBusyOption = (): Option =>
  new Option("--when-busy <what>", "what to do while another answer is being generated")
    .choices(whenBusyChoices)
    .default("queue");

export const fileOption = (): Option =>
  new Option(
    "--file <path>",
    "send this file too, an image, PDF or text; may be given more than once",
  ).argParser(collectPath);

export const addChatCommand: AddCommand = (program, context) => {
  const command = program
    .command("chat")
    .description("talk with a model: say one thing and see the answer, or converse")
    .argument("[text]", "what to say; - reads it from standard input; a conversation without it")
    .option("--chat <id>", "go on with this chat")
    .addOption(fileOption())
    .option("--model <id>", "the model, as provider/model")
    .addOption(whenBusyOption())
    .addHelpText(
      "after",
      examples(
        'palaver chat "hello"                  one answer, streamed',
        "palaver chat                          a conversation; /help inside",
        "palaver chat --chat ID                … that goes on",
        'palaver chat --file cat.png "what is this?"',
        "git diff | palaver chat - --model openai/gpt-5-mini > review.md",
      ) +
        "\nCtrl-C interrupts the answer; a second one leaves without waiting. Into a file or pipe, standard output\n" +
        "gets the committed answer alone, and everything else goes to standard error.",
    );
  withClientOptions(command).action(async (given: string | undefined, options: ChatOptions) => {
    const { chat: chatId, model, whenBusy, file: paths = [] } = options;
    const withFiles = paths.length > 0;
    const atTerminal = given === undefined && context.stdin.isTTY === true;
    const converses = atTerminal && !withFiles;
    if (converses && options.json === true) throw usageError("--json needs a text to send.");
    if (converses && context.stdout.isTTY !== true)
      throw usageError("A conversation needs a terminal.", "Pass the text to send.");
    const text = converses
      ? undefined
      : await messageText(given ?? (atTerminal ? "" : "-"), context.stdin, withFiles);
    const code = await withConnection(context, options, async (connection) => {
      if (text === undefined) return chatInteractively(context, connection, { chatId, model, whenBusy });
      const fileIds = await uploadFiles(connection, paths, context);
      return chatOnce(context, connection, {
        chatId,
        model,
        whenBusy,
        text,
        fileIds,
        json: options.json === true,
      });
    });
    context.finish(code);
  });
};
