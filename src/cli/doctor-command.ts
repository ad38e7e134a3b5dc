import { type AddCommand, examples } from "./command.js";
import type { DoctorOptions } from "./doctor.js";

export const addDoctorCommand: AddCommand = (program, context) => {
  program
    .command("doctor")
    .description("check the surroundings, the configuration and the server, and say what to do")
    .option("--url <url>", "the server (default: $PALAVER_URL, or where one started here would listen)")
    .option("--data-dir <folder>", "the folder of the embedded database (default: $PALAVER_DATA_DIR)")
    .option("--json", "print JSON, one check per line, for programs")
    .addHelpText(
      "after",
      examples("palaver doctor", "palaver doctor --json | jq 'select(.status == \"failed\")'"),
    )
    .action(async (options: DoctorOptions) => {
      const { examine } = await import("./doctor.js"); // Loaded on demand: most of the server.
      context.finish(await examine(context, options));
    });
};
