import { type AddCommand, examples } from "./command.js";
import type { ServeOptions } from "./serve.js";

export const addServeCommand: AddCommand = (program, context) => {
  program
    .command("serve")
    .description("run a server")
    .option(
      "--listen <host:port>",
      "where to listen (default: $PALAVER_LISTEN, or 127.0.0.1:7717; port 0: any free)",
    )
    .option("--data-dir <folder>", "the folder of the embedded database (default: $PALAVER_DATA_DIR)")
    .option("--json", 'print one line of JSON when ready: {"url", "id"}')
    .addHelpText(
      "after",
      examples(
        "palaver serve                                      embedded database, offline model",
        "palaver serve --listen 127.0.0.1:0 --data-dir /tmp/try",
        "DATABASE_URL=postgres://… ANTHROPIC_API_KEY=… PALAVER_MODEL=anthropic/claude-sonnet-4-5 palaver serve",
      ) +
        "\nEverything else is set by environment variables: see docs/configuration.md, or `npx palaver doctor` for the values in effect.",
    )
    .action(async (options: ServeOptions) => {
      const { serve } = await import("./serve.js"); // Loaded on demand: the whole server.
      await serve(context, options);
    });
};
