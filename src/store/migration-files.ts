import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { StoreError } from "./store-error.js";

export interface Migration {
  /** 1, 2, 3 … without gaps. */
  readonly id: number;
  /** The file's name without `.sql`, for example `0001_initial`. */
  readonly name: string;
  /** One or more statements, all of which may run inside a transaction. */
  readonly sql: string;
}

/**
 * Reads the migrations that belong to this program, in order.
 *
 * @throws StoreError MIGRATIONS_INVALID when the program was not installed in one piece
 */
export async function loadMigrations(
  folder = new URL("./migrations/", import.meta.url),
): Promise<readonly Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".sql")).sort();
  const migrations = await Promise.all(
    files.map(async (file, index): Promise<Migration> => {
      const id = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(file)?.[1]);
      if (id !== index + 1) {
        throw new StoreError(
          "MIGRATIONS_INVALID",
          `The migrations are numbered 0001, 0002 and so on without gaps, but ${file} is number ${index + 1} in ${folder.pathname}.`,
        );
      }
      return { id, name: file.slice(0, -".sql".length), sql: await readFile(new URL(file, folder), "utf8") };
    }),
  );
  if (migrations.length === 0) {
    throw new StoreError("MIGRATIONS_INVALID", `There are no migrations in ${folder.pathname}.`);
  }
  return migrations;
}

/** SHA-256 of the statements. Line endings do not count: version control changes them. */
export function checksumOf({ sql }: Migration): string {
  return createHash("sha256").update(sql.replaceAll("\r\n", "\n")).digest("hex");
}
