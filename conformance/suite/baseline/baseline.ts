import { z } from "zod";
import { type Wire, wires } from "../cases/vocabulary.js";
import { isRuleId, type RuleId } from "../rules/requirements.js";

export const baselineSchemaName = "palaver.conformance.baseline.v1";

const day = z
  .string({ error: "write a day, such as 2030-01-31" })
  .regex(/^\d{4}-\d{2}-\d{2}$/, { error: "write a day, such as 2030-01-31" });

const common = {
  case: z.string({ error: "write the id of a case" }),
  /** Only the checks of this rule; without it, all of the case. */
  rule: z
    .string()
    .refine(isRuleId, { error: ({ input }) => `${JSON.stringify(input)} is no rule of the protocol` })
    .optional(),
  /** Only over this wire. */
  wire: z.enum(wires, { error: `write one of ${wires.join(", ")}` }).optional(),
  reason: z
    .string({ error: "say why, or where that is discussed" })
    .min(1, { error: "say why, or where that is discussed" }),
  /** The last day on which the entry holds. */
  expires: day.optional(),
};

const entrySchema = z.discriminatedUnion(
  "status",
  [
    z.strictObject({ ...common, status: z.literal("failing") }),
    z.strictObject({
      ...common,
      status: z.literal("flaky"),
      /** The largest share of runs that may fail. The case is run often enough to see a single failure stay below it. */
      rate: z
        .number({ error: "write a share, such as 0.1" })
        .min(0.01, { error: "write at least 0.01: what is rarer cannot be told from what never happens" })
        .max(0.5, { error: "write at most 0.5: what fails more often is failing" }),
    }),
  ],
  { error: "write status: failing or status: flaky" },
);

export const baselineSchema = z.strictObject({
  schema: z.literal(baselineSchemaName, { error: `write ${baselineSchemaName}` }),
  entries: z.array(entrySchema, { error: "write a list of entries" }),
});

export interface BaselineEntry {
  readonly case: string;
  readonly rule?: RuleId | undefined;
  readonly wire?: Wire | undefined;
  readonly reason: string;
  readonly expires?: string | undefined;
  readonly status: "failing" | "flaky";
  /** Of flaky ones. */
  readonly rate?: number | undefined;
}

/** How often a case has to run for its entries to be judged. */
export function repetitionsFor(entries: readonly BaselineEntry[], caseId: string): number {
  const rates = entries.flatMap((entry) =>
    entry.case === caseId && entry.rate !== undefined ? [entry.rate] : [],
  );
  return Math.max(1, ...rates.map((rate) => Math.ceil(1 / rate)));
}
