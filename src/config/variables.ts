import { z } from "zod";
import {
  duration,
  flag,
  httpUrl,
  listenAddress,
  listOf,
  natsUrl,
  oneOf,
  postgresUrl,
  secret,
  text,
  wholeNumber,
} from "./field.js";

/** What the documentation and error messages say about a variable. */
export interface VariableInfo {
  /** What it is for: one or two sentences. */
  readonly description: string;
  /** What holds without it, as people read it; undefined: nothing. */
  readonly default?: string;
  readonly example: string;
  /** Its value is never shown, not even when it is wrong. */
  readonly secret?: true;
}

/** The {@link VariableInfo} of every variable's schema. */
export const variableInfo = z.registry<VariableInfo>();

type FromText = z.ZodType<unknown, string>;

/** A variable that always has a value: `info.default` is read like any other text. */
function withDefault<S extends FromText>(
  schema: S,
  info: VariableInfo & { default: string },
): z.ZodPrefault<S> {
  const field = z.prefault(schema, info.default as z.input<S>);
  variableInfo.add(field, info);
  return field;
}

/** A variable that may be unset; `info.default` then tells people what that means. */
function optional<S extends FromText>(schema: S, info: VariableInfo): z.ZodOptional<S> {
  const field = z.optional(schema);
  variableInfo.add(field, info);
  return field;
}

const second = 1_000;
const hour = 3_600 * second;

/** The environment of `palaver serve`. Sections are for people; names are unique over all of them. */
export const serverSections = {
  Network: z.object({
    PALAVER_LISTEN: withDefault(listenAddress, {
      description: "Where the server listens. Port 0 takes any free port; the server says which.",
      default: "127.0.0.1:7717",
      example: "0.0.0.0:7717",
    }),
    PALAVER_AUTH: withDefault(oneOf("none", "tokens"), {
      description:
        "Who may call. `none` is for development: everybody is the same user, and the server has to listen on a loopback address. " +
        "`tokens` asks for a token made with `npx palaver token create`.",
      default: "none",
      example: "tokens",
    }),
    PALAVER_METRICS_LISTEN: optional(listenAddress, {
      description:
        "Where metrics are served to Prometheus, at `/metrics`, to anyone who reaches it: counts and times, never content.",
      default: "no metrics are served",
      example: "127.0.0.1:9464",
    }),
    PALAVER_MAX_REQUEST_BYTES: withDefault(wholeNumber({ min: 1_024, max: 268_435_456 }), {
      description:
        "The largest request that is read, in bytes. Requests of FileService may have 16 MiB, so that a whole file fits into one.",
      default: "4194304",
      example: "16777216",
    }),
    PALAVER_MAX_IMPORT_BYTES: withDefault(wholeNumber({ min: 1_024, max: 1_073_741_824 }), {
      description:
        "The largest request of ImportService that is read, in bytes: a whole history is one request.",
      default: "67108864",
      example: "268435456",
    }),
    PALAVER_KEEPALIVE: withDefault(duration({ minMs: 100, maxMs: hour }), {
      description: "After this long without an event, a subscription gets a keepalive event.",
      default: "15s",
      example: "5s",
    }),
    PALAVER_RESUME_GRACE: withDefault(duration({ minMs: 0, maxMs: hour }), {
      description:
        "How long the fragments of a committed step stay in memory, for clients that lost the connection in its last moments. " +
        "Later they resume with the committed messages alone.",
      default: "30s",
      example: "2m",
    }),
    PALAVER_SUBSCRIBER_BACKLOG_BYTES: withDefault(wholeNumber({ min: 1_024, max: 1_073_741_824 }), {
      description:
        "How many bytes of a running step a subscriber may leave unread, roughly, before its stream is ended with SLOW_CONSUMER. It can resume.",
      default: "4194304",
      example: "16777216",
    }),
  }),
  Storage: z.object({
    DATABASE_URL: optional(postgresUrl, {
      description:
        "The Postgres database. Without it, an embedded one (PGlite) keeps its data in `PALAVER_DATA_DIR`; that is for one replica.",
      default: "the embedded database",
      example: "postgres://palaver:password@db:5432/palaver",
      secret: true,
    }),
    PALAVER_DATABASE_POOL_SIZE: withDefault(wholeNumber({ min: 2, max: 1_000 }), {
      description: "How many connections to Postgres this replica opens at most.",
      default: "10",
      example: "20",
    }),
    PALAVER_DATA_DIR: optional(text, {
      description: "The folder for what is kept on this machine: the embedded database.",
      default: "`$XDG_DATA_HOME/palaver`, or `~/.local/share/palaver`",
      example: "/var/lib/palaver",
    }),
  }),
  Replicas: z.object({
    NATS_URL: optional(natsUrl, {
      description:
        "The NATS servers that several replicas on one Postgres database tell each other through, with JetStream enabled; more than one " +
        "separated by commas. `tls://` requires TLS. User and password, or a token alone, may stand before the `@`.",
      default: "one replica",
      example: "nats://palaver:password@nats:4222",
      secret: true,
    }),
    NATS_USER: optional(text, {
      description: "The user to log in to NATS as, with `NATS_PASSWORD`.",
      example: "palaver",
    }),
    NATS_PASSWORD: optional(secret, {
      description: "That user's password.",
      example: "password",
      secret: true,
    }),
    NATS_TOKEN: optional(secret, {
      description: "The token to log in to NATS with.",
      example: "s3cr3t",
      secret: true,
    }),
    NATS_NKEY: optional(text, {
      description:
        "A file with the seed of the NKey to log in to NATS with. It is read anew for each connection.",
      example: "/run/secrets/palaver.nk",
    }),
    NATS_CREDS: optional(text, {
      description:
        "A credentials file (JWT and seed) to log in to NATS with. It is read anew for each connection.",
      example: "/run/secrets/palaver.creds",
    }),
    NATS_CA: optional(text, {
      description: "A PEM file with the authorities that vouch for the NATS servers. Requires TLS.",
      default: "the system's",
      example: "/etc/palaver/nats-ca.pem",
    }),
    NATS_CERT: optional(text, {
      description: "A PEM file with this server's certificate for NATS, with `NATS_KEY`. Requires TLS.",
      example: "/etc/palaver/nats-cert.pem",
    }),
    NATS_KEY: optional(text, {
      description: "A PEM file with that certificate's key.",
      example: "/run/secrets/nats-key.pem",
    }),
    PALAVER_NOTIFY_STREAM_REPLICAS: withDefault(wholeNumber({ min: 1, max: 5 }), {
      description: "How many servers of a NATS cluster keep the stream of notifications.",
      default: "1",
      example: "3",
    }),
    PALAVER_NOTIFY_STREAM_STORAGE: withDefault(oneOf("file", "memory"), {
      description:
        "Where the NATS servers keep the stream of notifications when it is first made: some minutes' worth, 64 MiB at most.",
      default: "file",
      example: "memory",
    }),
  }),
  Relay: z.object({
    PALAVER_RELAY_LISTEN: withDefault(listenAddress, {
      description:
        "Where this replica listens for the others, when `NATS_URL` is set: over this link they get what its running steps show. Never for clients.",
      default: "127.0.0.1:0",
      example: "0.0.0.0:7718",
    }),
    PALAVER_ADVERTISE_URL: optional(httpUrl, {
      description:
        "Where the other replicas reach `PALAVER_RELAY_LISTEN`. Required when that is an address like 0.0.0.0 that nobody can call.",
      default: "the URL it listens on",
      example: "http://10.0.0.5:7718",
    }),
    PALAVER_CLUSTER_TOKEN: optional(secret, {
      description:
        "What replicas present to each other, the same for all of them: 16 visible ASCII characters or more.",
      default: "a random one, which the replicas share through the database",
      example: "5f1d…",
      secret: true,
    }),
    PALAVER_RELAY_CERT: optional(text, {
      description:
        "A PEM file with this replica's certificate: links between replicas then use mutual TLS. With `PALAVER_RELAY_KEY` and " +
        "`PALAVER_RELAY_CA`; the certificate has to be good for the host of `PALAVER_ADVERTISE_URL`. If it is restricted to purposes, it needs both: server " +
        "and client authentication.",
      example: "/etc/palaver/relay-cert.pem",
    }),
    PALAVER_RELAY_KEY: optional(text, {
      description: "A PEM file with that certificate's key.",
      example: "/run/secrets/relay-key.pem",
    }),
    PALAVER_RELAY_CA: optional(text, {
      description: "A PEM file with the authority that vouches for all replicas, and for nobody else.",
      example: "/etc/palaver/relay-ca.pem",
    }),
  }),
  Models: z.object({
    PALAVER_MODEL: withDefault(
      text.regex(/^[^/\s]+\/\S+$/, { error: "expected provider/model, for example openai/gpt-5-mini" }),
      {
        description:
          "The model of chats that name none, as `provider/model`. `scripted/default` is an offline stand-in that needs no key.",
        default: "scripted/default",
        example: "anthropic/claude-sonnet-4-5",
      },
    ),
    PALAVER_MODEL_BASE_URL: optional(httpUrl, {
      description:
        "The base URL of the provider that `PALAVER_MODEL` names. It wins over that provider's own variable.",
      example: "http://127.0.0.1:8080/v1",
    }),
    OPENAI_API_KEY: optional(secret, {
      description: "The key for `openai/…` models.",
      example: "sk-…",
      secret: true,
    }),
    OPENAI_BASE_URL: optional(httpUrl, {
      description: "Where OpenAI's interface is.",
      default: "the provider's own",
      example: "https://gateway.example.com/openai/v1",
    }),
    ANTHROPIC_API_KEY: optional(secret, {
      description: "The key for `anthropic/…` models.",
      example: "sk-ant-…",
      secret: true,
    }),
    ANTHROPIC_BASE_URL: optional(httpUrl, {
      description: "Where Anthropic's interface is.",
      default: "the provider's own",
      example: "https://gateway.example.com/anthropic/v1",
    }),
    GOOGLE_GENERATIVE_AI_API_KEY: optional(secret, {
      description: "The key for `google/…` models.",
      example: "AIza…",
      secret: true,
    }),
    GOOGLE_BASE_URL: optional(httpUrl, {
      description: "Where Google's interface is.",
      default: "the provider's own",
      example: "https://gateway.example.com/google/v1beta",
    }),
    OPENAI_COMPATIBLE_BASE_URL: optional(httpUrl, {
      description:
        "Where a server with OpenAI's Chat Completions interface is (Ollama, vLLM, llama.cpp …). Switches on `openai-compatible/…` models.",
      example: "http://127.0.0.1:11434/v1",
    }),
    OPENAI_COMPATIBLE_API_KEY: optional(secret, {
      description: "The key for that server, where it wants one.",
      example: "secret",
      secret: true,
    }),
    PALAVER_SCRIPTS: optional(text, {
      description:
        "A file or folder with scripts for the `scripted/…` models, added to the one that ships with the server.",
      example: "./scripts.json",
    }),
    PALAVER_MODEL_FIRST_TIMEOUT: withDefault(duration({ minMs: 10, maxMs: 24 * hour }), {
      description:
        "How long a model may be silent before its first word; after that the attempt counts as failed.",
      default: "60s",
      example: "2m",
    }),
    PALAVER_MODEL_IDLE_TIMEOUT: withDefault(duration({ minMs: 10, maxMs: 24 * hour }), {
      description: "How long a model may be silent between two words.",
      default: "10m",
      example: "2m",
    }),
  }),
  Tools: z.object({
    PALAVER_TOOLS: withDefault(listOf("current_time", "http_fetch"), {
      description: "The built-in tools that models may call, separated by commas; `none` for none.",
      default: "current_time",
      example: "current_time,http_fetch",
    }),
    PALAVER_HTTP_FETCH_ALLOW_PRIVATE: withDefault(flag, {
      description:
        "Lets `http_fetch` reach private, loopback and link-local addresses. Whoever can talk to the model can then read what this machine can.",
      default: "false",
      example: "true",
    }),
    PALAVER_TOOL_TIMEOUT: withDefault(duration({ minMs: 10, maxMs: 24 * hour }), {
      description: "How long one run of a tool may take.",
      default: "2m",
      example: "30s",
    }),
  }),
  Work: z.object({
    PALAVER_CONCURRENT_TURNS: withDefault(wholeNumber({ min: 0, max: 100_000 }), {
      description: "How many turns this replica runs at the same time. 0: none, it only serves clients.",
      default: "100",
      example: "500",
    }),
    PALAVER_LEASE: withDefault(duration({ minMs: 300, maxMs: hour }), {
      description:
        "How long a replica may be silent before others take over its turns. The same on all replicas.",
      default: "15s",
      example: "6s",
    }),
    PALAVER_HEARTBEAT: withDefault(duration({ minMs: 50, maxMs: hour }), {
      description: "How often a replica says that it is alive. At most a third of `PALAVER_LEASE`.",
      default: "3s",
      example: "1s",
    }),
    PALAVER_POLL: withDefault(duration({ minMs: 50, maxMs: hour }), {
      description: "How often a replica looks for what a lost notification hid.",
      default: "10s",
      example: "2s",
    }),
    PALAVER_MAX_STEP_BYTES: withDefault(wholeNumber({ min: 1_024, max: 268_435_456 }), {
      description:
        "How many bytes a model may generate in one step, roughly; then the turn fails. It bounds what a running step holds in memory.",
      default: "16777216",
      example: "67108864",
    }),
    PALAVER_CHECKPOINT_INTERVAL: withDefault(duration({ minMs: 10, maxMs: hour }), {
      description:
        "How often a replica writes down what its running steps have shown, all of them in one statement. A crash loses at most that much of them.",
      default: "500ms",
      example: "2s",
    }),
    PALAVER_DRAIN_GRACE: withDefault(duration({ minMs: 0, maxMs: hour }), {
      description:
        "How long a stopping server lets running steps go on, so that they are finished where they began; then they are handed over, to be " +
        "generated anew elsewhere. At most half of `PALAVER_SHUTDOWN_GRACE`, because handing over takes time too.",
      default: "5s",
      example: "0s",
    }),
    PALAVER_SHUTDOWN_GRACE: withDefault(duration({ minMs: 0, maxMs: hour }), {
      description: "How long a stopping server may take to hand over its turns and end its streams.",
      default: "10s",
      example: "30s",
    }),
    PALAVER_LOG_LEVEL: withDefault(oneOf("debug", "info", "warn", "error", "silent"), {
      description: "How much is logged, as JSON lines on standard error.",
      default: "info",
      example: "debug",
    }),
  }),
};

/** The environment of the commands that talk to a server. */
export const clientSections = {
  "Command line": z.object({
    PALAVER_URL: withDefault(httpUrl, {
      description:
        "The server that `palaver chat`, `ls`, `show`, `send`, `stop` and `queue` talk to; `--url` wins over it.",
      default: "http://127.0.0.1:7717",
      example: "https://palaver.example.com",
    }),
    PALAVER_TOKEN: optional(secret, {
      description: "The token that these commands present; `--token` wins over it.",
      example: "plv_…",
      secret: true,
    }),
    PALAVER_DEBUG: optional(text, {
      description: "When set to 1, errors of the commands come with their stack traces.",
      example: "1",
    }),
  }),
};

const { Network, Storage, Replicas, Relay, Models, Tools, Work } = serverSections;

/** What `palaver serve` reads. */
export const serverSchema = z.object({
  ...Network.shape,
  ...Storage.shape,
  ...Replicas.shape,
  ...Relay.shape,
  ...Models.shape,
  ...Tools.shape,
  ...Work.shape,
});

/** What the client commands read. */
export const clientSchema = clientSections["Command line"];

/** All variables by name. */
export const variables: Readonly<Record<string, VariableInfo>> = Object.fromEntries(
  Object.entries({ ...serverSchema.shape, ...clientSchema.shape }).flatMap(([name, schema]) => {
    const info = variableInfo.get(schema);
    return info === undefined ? [] : [[name, info]];
  }),
);
