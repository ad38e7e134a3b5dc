import { readdirSync, readFileSync } from "node:fs";
import * as z from "zod";

const vectorSchema = z.strictObject({
  id: z.string(),
  role: z.string(),
  content_version: z.int(),
  raw: z.string(),
  expect: z.union([
    z.strictObject({ parts: z.array(z.record(z.string(), z.unknown())) }),
    z.strictObject({ error: z.string() }),
  ]),
  model: z.string().optional(),
  prompt: z.union([
    z.array(z.looseObject({ type: z.string() })),
    z.strictObject({ error: z.literal("config") }),
  ]),
  notes: z.string().optional(),
});

/** A stored row and how it reads. The README beside the vectors says what the fields mean. */
export type ContentVector = z.infer<typeof vectorSchema>;

const folder = new URL("legacy-content/", import.meta.url);

/** The vectors of stored content, by file name. A file that is no vector fails whoever loads this. */
export const contentVectors: readonly ContentVector[] = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .toSorted()
  .map((name) => {
    const vector = vectorSchema.parse(JSON.parse(readFileSync(new URL(name, folder), "utf8")));
    if (`${vector.id}.json` !== name) throw new Error(`${name} holds the vector ${vector.id}`);
    return vector;
  });
