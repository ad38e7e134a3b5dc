import { toJson } from "@bufbuild/protobuf";
import {
  type ChatItem,
  type Connection as ConnectionState,
  StreamEventSchema,
  subscribe,
} from "../client/index.js";
import { type ClientOptions, withClientOptions, withConnection } from "./client-options.js";
import { type AddCommand, type CommandContext, examples } from "./command.js";
import type { Connection } from "./connection.js";
import { exitCode } from "./exit-code.js";
import { reportOf } from "./report-error.js";
import { safeLine } from "./terminal-text.js";
import { colorsFor, writeJsonLine } from "./terminal.js";
import { Transcript } from "./transcript.js";
import { writerFor } from "./transcript-writer.js";

interface TailOptions extends ClientOptions {
  readonly from?: string;
}

export const addTailCommand: AddCommand = (program, context) => {
  const command = program
    .command("tail")
    .description("print a chat and go on printing what happens in it, across lost connections")
    .argument("<chat>", "the chat's id")
    .option("--from <cursor>", "only what came after this position, as --json prints it")
    .addHelpText(
      "after",
      examples(
        "palaver tail ID",
        "palaver tail ID --json | jq .event",
        "palaver tail ID --json --from CURSOR",
      ) +
        "\nStandard error says when the connection was cut and when it is back. With --json each line is an event; the last\n" +
        "one of those that came together has the cursor after them. Ctrl-C leaves; the chat's turn goes on.",
    );
  withClientOptions(command).action(async (chatId: string, options: TailOptions) => {
    const leave = new AbortController();
    using _interrupts = context.onInterrupt(() => leave.abort());
    await withConnection(context, options, (connection) =>
      tail(context, connection, { ...options, chatId, signal: leave.signal }),
    );
    context.finish(exitCode.interrupted);
  });
};

/** Prints until the signal. @throws ConnectError when the server ended the stream for good, or was never reached */
async function tail(
  context: CommandContext,
  connection: Connection,
  options: TailOptions & { readonly chatId: string; readonly signal: AbortSignal },
): Promise<void> {
  const { stderr, env, clock, random } = context;
  const { chatId, from: cursor, signal, json } = options;
  const print = json === true ? jsonPrinter(context) : textPrinter(context);
  const say = (text: string): void => {
    print.endLine();
    stderr.write(`${colorsFor(stderr, env).dim(`— ${text} —`)}\n`);
  };
  let reached = false;
  let cut = false;
  for await (const item of subscribe(connection, { chatId, cursor, signal, clock, random })) {
    if (item.type !== "connection") {
      if (item.type === "reset") say(`everything from the beginning: ${resetWords[item.reason]}`);
      print.item(item);
      continue;
    }
    const { connection: now } = item;
    if (now.state === "waiting" && !reached) throw now.error;
    if (now.state === "waiting" && !cut) say(`connection cut: ${whyOf(now, connection.url)}; trying again`);
    if (now.state === "open" && cut) say("connected again");
    if (now.state === "ended" && reached) say("the server has ended the stream");
    cut = now.state === "waiting" || (cut && now.state === "connecting");
    reached ||= now.state === "open";
  }
  print.endLine();
}

const resetWords = {
  invalid_cursor: "the server does not know the position",
  no_cursor: "the server gives no positions",
  out_of_sync: "what it sent did not fit together",
} as const;

function whyOf({ error }: Extract<ConnectionState, { state: "waiting" }>, url: string): string {
  const { message, reason } = reportOf(error, url);
  return `${safeLine(message).replace(/\.$/, "")} [${reason}]`;
}

interface Printer {
  item(item: Exclude<ChatItem, { type: "connection" }>): void;
  /** Ends a line that has begun, because somebody else is about to write. */
  endLine(): void;
}

function textPrinter(context: CommandContext): Printer {
  const transcript = new Transcript({ live: context.stdout.isTTY === true });
  const writer = writerFor(context);
  return {
    item: (item) => {
      if (item.type === "reset") transcript.restart();
      for (const event of item.events) writer.write(transcript.read(event));
    },
    endLine: () => writer.endLine(),
  };
}

function jsonPrinter({ stdout }: CommandContext): Printer {
  return {
    item: (item) => {
      const { events, cursor } = item;
      if (item.type === "reset") writeJsonLine(stdout, { reset: item.reason });
      const told = events.filter(({ event }) => event.case !== "keepalive");
      // Whoever goes on at a cursor misses nothing: those before the last have none.
      for (const [index, event] of told.entries())
        writeJsonLine(stdout, {
          event: toJson(StreamEventSchema, event),
          ...(index === told.length - 1 ? { cursor } : {}),
        });
    },
    endLine: () => undefined,
  };
}
