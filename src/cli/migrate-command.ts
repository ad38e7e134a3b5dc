import { describeDatabase } from "../config/index.js";
import type { MigrationStatus } from "../store/index.js";
import { type AddCommand, examples } from "./command.js";
import { exitCode } from "./exit-code.js";
import { configFor, type DatabaseOptions, openDatabase } from "./open-database.js";
import { writeJsonLine } from "./terminal.js";

interface MigrateCommandOptions extends DatabaseOptions {
  readonly status?: true;
  readonly json?: true;
}

export const addMigrateCommand: AddCommand = (program, context) => {
  program
    .command("migrate")
    .description("bring the database up to date (the server does so by itself when it starts)")
    .option("--status", "only say what is applied and what is not; exits with 1 if anything is pending")
    .option("--data-dir <folder>", "the folder of the embedded database (default: $PALAVER_DATA_DIR)")
    .option("--json", "print JSON, for programs")
    .addHelpText(
      "after",
      examples(
        "DATABASE_URL=postgres://… palaver migrate --status",
        "DATABASE_URL=postgres://… palaver migrate",
      ),
    )
    .action(async (options: MigrateCommandOptions) => {
      const { stdout } = context;
      const config = configFor(context, options);
      const { migrate, migrationStatus } = await import("../store/index.js");
      await using database = await openDatabase(config);
      if (options.status === true) {
        const status = await migrationStatus(database);
        if (options.json === true) writeJsonLine(stdout, status);
        else stdout.write(`${describeDatabase(config.database)}\n${statusLines(status).join("\n")}\n`);
        if (status.pending.length > 0) context.finish(exitCode.failed);
        return;
      }
      const onApplied = (name: string): void => {
        if (options.json !== true) stdout.write(`applied ${name}\n`);
      };
      const result = await migrate(database, { onApplied });
      if (options.json === true) writeJsonLine(stdout, result);
      else if (result.applied.length === 0) stdout.write(`up to date, at migration ${result.current}\n`);
    });
};

function statusLines({ applied, pending }: MigrationStatus): string[] {
  return [
    ...applied.map(({ name, appliedAt, changed, unknown }) => {
      const remark = changed ? "  (the file was edited since)" : unknown ? "  (of a newer version)" : "";
      return `applied  ${name}  ${appliedAt.toISOString()}${remark}`;
    }),
    ...pending.map((name) => `pending  ${name}`),
  ];
}
