import { z } from "zod";
import { features, profiles, wires } from "../cases/vocabulary.js";
import { boundsSchema } from "./bounds.js";
import { isPlaceholder, placeholders, placeholdersIn } from "./template.js";

export const manifestSchemaName = "palaver.conformance.v1";

/** The users that cases act as; `admin` may import. */
export const accounts = ["alice", "bob", "admin"] as const;
export type Account = (typeof accounts)[number];

const text = (what: string) => z.string({ error: `write ${what}` }).min(1, { error: `write ${what}` });

function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, {
    error: ({ input }) => `${shown(input)} is not known: write one of ${values.join(", ")}`,
  });
}

function listOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z
    .array(oneOf(values), { error: `write a list, such as [${values.slice(0, 2).join(", ")}]` })
    .refine((list) => new Set(list).size === list.length, {
      error: "names something twice: write each once",
    });
}

const url = (...schemes: string[]) =>
  text(`a URL, such as ${schemes[0] ?? "http"}://127.0.0.1:7717`).refine(
    (value) => URL.canParse(value) && schemes.includes(new URL(value).protocol.slice(0, -1)),
    { error: ({ input }) => `${shown(input)} is no URL of ${schemes.join(" or ")}` },
  );

const template = text("a text").superRefine((value, context) => {
  for (const name of placeholdersIn(value))
    if (!isPlaceholder(name))
      context.addIssue({
        code: "custom",
        message: `{${name}} stands for nothing: write one of ${Object.keys(placeholders)
          .map((known) => `{${known}}`)
          .join(", ")}`,
      });
});

const variable = z
  .string({ error: "write the name of an environment variable" })
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, {
    error: ({ input }) =>
      `${shown(input)} is no name of an environment variable: the value itself does not belong here`,
  });

// Secrets never stand in the manifest: it names the variables that hold them.
const urlOf = z.strictObject({ url_env: variable }, { error: "write { url_env: NAME }" }).optional();
const account = z.strictObject({ token_env: variable }, { error: "write { token_env: NAME }" }).optional();

const launch = z
  .strictObject({
    replicas: z
      .int({ error: "write a whole number from 1 to 3" })
      .min(1, { error: "write a whole number from 1 to 3" })
      .max(3, { error: "write a whole number from 1 to 3: no case needs more" }),
    command: z
      .array(template, {
        error: 'write the program and its arguments as a list, such as ["npx", "palaver", "serve"]',
      })
      .min(1, { error: "write at least the program" }),
    env: z.record(z.string(), template, { error: "write variables and their values" }).default({}),
    /** Of the real store and bus, from the suite's own environment. */
    store: urlOf,
    bus: urlOf,
    /** How a replica says that it serves: the standard health service on {listen}. */
    ready: oneOf(["grpc_health"]).default("grpc_health"),
    /** Whether ImportService answers the admin. */
    vectors: z.boolean({ error: "write true or false" }).default(false),
  })
  .superRefine(({ command, env, store, bus }, context) => {
    const used = new Set([...command, ...Object.values(env)].flatMap(placeholdersIn));
    for (const [name, given] of [
      ["store", store],
      ["bus", bus],
    ] as const)
      if ((used.has(name) || used.has(`link.${name}`)) && given === undefined)
        context.addIssue({
          code: "custom",
          path: [name],
          message: `{${used.has(name) ? name : `link.${name}`}} is used, and nobody knows where it is: write { url_env: NAME }`,
        });
    if (!used.has("listen"))
      context.addIssue({
        code: "custom",
        path: ["env"],
        message: "no replica is told where to listen: use {listen} in a variable or an argument",
      });
  });

const attach = z.strictObject({
  /** Of each replica. */
  urls: z
    .array(url("http", "https"), { error: "write a list of URLs, one for each replica" })
    .min(1, { error: "write at least one URL" })
    .max(3, { error: "write at most three URLs: no case needs more" }),
  /** host:port where the target expects its model provider: the scripted model listens there. */
  model: z
    .string({ error: "write host:port" })
    .regex(/^\S+:\d+$/, { error: ({ input }) => `${shown(input)} is no address: write host:port` })
    .optional(),
  bus: urlOf,
  vectors: z.boolean({ error: "write true or false" }).default(false),
});

export const manifestSchema = z
  .strictObject({
    schema: z.literal(manifestSchemaName, { error: `write ${manifestSchemaName}` }),
    implementation: z.strictObject({
      name: text("the name of the implementation"),
      version: text('its version, in quotes if it is a number, such as "1.0"'),
    }),
    claims: z.strictObject({
      protocol: z.literal("1", { error: 'write "1", in quotes: there is no other version yet' }),
      profiles: listOf(profiles).min(1, { error: "claim at least one profile" }),
      wires: listOf(wires).min(1, { error: "claim at least one wire" }),
      features: listOf(features).default([]),
    }),
    launch: launch.optional(),
    attach: attach.optional(),
    /** What chats are given as their model, so that the scripted model answers in that dialect. Without: chats name none. */
    models: z
      .strictObject({
        openai: text("the name of a model").optional(),
        anthropic: text("the name of a model").optional(),
      })
      .default({}),
    bounds: boundsSchema,
    auth: z.strictObject({ alice: account, bob: account, admin: account }).default({}),
    /** A path, from the manifest's folder. */
    baseline: text("a path").optional(),
  })
  .superRefine(({ launch, attach }, context) => {
    if ((launch === undefined) === (attach === undefined))
      context.addIssue({
        code: "custom",
        path: [launch === undefined ? "attach" : "launch"],
        message: "write either launch, for the suite to start the target, or attach, for one that runs",
      });
  });

/** What is judged, what it claims and how it is reached. Plain data: it goes to another process as JSON. */
export type Manifest = z.output<typeof manifestSchema>;

function shown(input: unknown): string {
  return input === undefined ? "nothing" : JSON.stringify(input);
}
