/** How binding a requirement is, as in RFC 2119. */
export type Level = "MUST" | "SHOULD" | "MAY";

interface Requirement {
  /** Of the most binding of its sentences. A sentence with none of the three words is a MUST. */
  readonly level: Level;
  /** What docs/protocol.md says, without links. */
  readonly text: string;
}

/** In the order of docs/protocol.md; a test compares them. */
const rules = {
  "PART-1": {
    level: "MUST",
    text: "A part is exactly one of: text, reasoning, tool_call, tool_result, file, file_reference, source. Each variant has only its own fields.",
  },
  "PART-2": {
    level: "MUST",
    text: "The fields of each variant are those of `message.proto`. Required: `text` of text and reasoning; `tool_call_id` and `tool_name` of calls and results; `result_json` of committed results; `media_type` of files; everything of file references; `url` of sources.",
  },
  "PART-3": {
    level: "MUST",
    text: "JSON travels as text (`args_json`, `result_json`), so that integers above 2^53, the order of keys and `null` survive.",
  },
  "PART-4": {
    level: "MUST",
    text: "What a provider wants to see again (signatures, encrypted results, ids of responses) is stored with its part, is sent back in later prompts, and has no field in the schema: it cannot leak. Where a file has an id, its bytes are not returned inline.",
  },
  "PART-5": {
    level: "MUST",
    text: "Any string comes back as it was given: U+0000, private use characters, astral characters. Unpaired surrogates become U+FFFD.",
  },
  "PART-6": {
    level: "MUST",
    text: "Roles are system, user, assistant, tool. The result of a tool that we or the client ran stands in a tool message. The result of a tool that the provider ran stands in the assistant message right after its call, and streams with the role assistant.",
  },
  "PART-7": {
    level: "MUST",
    text: "A stored row that cannot be read is a message without parts whose `content_error` says why; the rest of its chat is served. A newer content version is never guessed. A turn whose prompt would hold such a message fails, and the model is not asked. A part of an older system that lacked a text which PART-2 requires has the empty one.",
  },
  "MSG-1": {
    level: "MUST",
    text: "Ids of messages are positive, unique, and increase within a chat in the order of commits.",
  },
  "MSG-2": {
    level: "MUST",
    text: "Messages that only the model may see are in prompts and in no client's view; messages that only users may see the other way round.",
  },
  "MSG-3": {
    level: "MUST",
    text: "History is append-only but for edits, which hide a suffix. What was hidden stays counted.",
  },
  "MSG-4": {
    level: "MUST",
    text: "CreateChat, SendMessage and EditMessage take an `idempotency_key`. The same key with the same body has the same result and no second effect; with another body it is refused: `ALREADY_EXISTS`, reason `IDEMPOTENCY_KEY_REUSED`. Keys are kept for at least 24 hours. Requests that were refused leave no key behind.",
  },
  "PAGE-1": {
    level: "MUST",
    text: "Pages of a list hold what there was when the first of them was read once each, whatever comes or goes meanwhile. A page token that was changed is refused: `INVALID_ARGUMENT`, reason `INVALID_PAGE_TOKEN`.",
  },
  "CHAT-1": {
    level: "MUST",
    text: "A chat changes exactly as the transition table says. Anything else is refused, names state and transition, and changes nothing; where no better reason applies: `FAILED_PRECONDITION`, reason `INVALID_TRANSITION`.",
  },
  "CHAT-2": {
    level: "MUST",
    text: "Every transaction that changes what clients can see of a chat advances `snapshot_version` by one and publishes one notification after its commit.",
  },
  "CHAT-3": {
    level: "MUST",
    text: "`history_version`, `queue_version` and `retry_version` are the `snapshot_version` at which that aspect last changed.",
  },
  "CHAT-4": {
    level: "MUST",
    text: "`generation_attempt` counts attempts at the next step. Any change of the history sets it to 0; an episode has an attempt ≥ 1.",
  },
  "CHAT-5": {
    level: "MUST",
    text: "A turn that ends with a queue takes its head into the history and goes on, in the same transaction. An idle chat (`WAITING`) has no queue.",
  },
  "CHAT-6": {
    level: "MUST",
    text: "No state is stuck: for every status but WAITING and ERROR something moves the chat on, also when one replica has died.",
  },
  "STREAM-1": {
    level: "MUST",
    text: "Headers and the first `status` are sent as soon as the subscription is accepted; nothing that waits for a turn delays them.",
  },
  "STREAM-2": {
    level: "MUST",
    text: "Without a cursor: `status`; then messages by id (after `after_message_id`), the queue, error, retry and action_required where they apply, the deltas of the running step from seq 1 as far as this replica has them, then `caught_up`; then live.",
  },
  "STREAM-3": {
    level: "MUST",
    text: "With a cursor: only what its holder has not received, then `caught_up`, then live. Resuming at any cursor yields exactly what followed it, but for merging, grouping, keepalives, and states that were overtaken: see Resuming.",
  },
  "STREAM-4": {
    level: "MUST",
    text: "A cursor is opaque, has at most 256 bytes, works on every replica and after restarts, belongs to one chat and grants nothing. An unreadable or foreign one: `INVALID_ARGUMENT`, reason `INVALID_CURSOR`.",
  },
  "STREAM-5": {
    level: "MUST",
    text: "Within an episode deltas come in the order of `seq` without gap or repeat: `first_seq` is the `seq` before, plus 1.",
  },
  "STREAM-6": {
    level: "MUST",
    text: "Adjacent deltas of a block may be merged into one event; the text stays the same byte for byte. A late joiner SHOULD get the past of an episode merged.",
  },
  "STREAM-7": {
    level: "MUST",
    text: "The messages of a committed step follow its last delta, and no delta of that episode or an older one comes after them.",
  },
  "STREAM-8": { level: "MUST", text: "The joined deltas of a committed step are the committed text." },
  "STREAM-9": {
    level: "MUST",
    text: "A new attempt at a step begins with `preview_reset`. Committing a step resets the preview without saying so.",
  },
  "STREAM-10": {
    level: "MUST",
    text: "`status` never repeats itself. An idle status never precedes the committed messages of its turn.",
  },
  "STREAM-11": {
    level: "MUST",
    text: "No message comes twice in the same revision; ids never go back, but after `history_reset`.",
  },
  "STREAM-12": {
    level: "MUST",
    text: "Two subscribers, on whatever replicas, end with the same history, queue, status and text.",
  },
  "STREAM-13": {
    level: "MUST",
    text: "A slow reader gets everything, or an end with `RESOURCE_EXHAUSTED`, reason `SLOW_CONSUMER`, that its last cursor resumes. It delays nobody.",
  },
  "STREAM-14": { level: "MUST", text: "Leaving, in whatever way, never stops a turn." },
  "STREAM-15": {
    level: "MUST",
    text: "A server that shuts down ends its streams with `UNAVAILABLE`, reason `SHUTTING_DOWN`.",
  },
  "STREAM-16": {
    level: "MUST",
    text: "A code point that a model splits over two fragments is delivered whole.",
  },
  "LIST-1": {
    level: "MUST",
    text: "Without a cursor: a `chat_update` for each chat, archived ones too, then `caught_up`, then live. With `updates_only`: `caught_up`, then live. The order of chats says nothing.",
  },
  "LIST-2": {
    level: "MUST",
    text: "Every change of what a list shows of a chat is told: a new chat, its title, labels, archived, pinned, model, status, error, retry, required action and update time. `chat_update` carries the whole chat as it was when it was read; changes in between are passed over. A change of nothing but `versions` is not told.",
  },
  "LIST-3": {
    level: "MUST",
    text: "With a cursor: only what changed after it, each chat once, unless it changes meanwhile; then `caught_up`, then live. What one transaction changed is told however late it commits.",
  },
  "LIST-4": {
    level: "MUST",
    text: "A chat that was deleted is told as `chat_delete`, also to a reader who never had it.",
  },
  "LIST-5": {
    level: "MUST",
    text: "A cursor is as in STREAM-4, but belongs to the list of one owner. One that is older than the deletions that are remembered (7 days), or later than the database (after the restore of a backup), begins with `list_reset`, and the whole list follows.",
  },
  "LIST-6": {
    level: "MUST",
    text: "`caught_up` comes once in each stream. After 15 s of silence there is a `keepalive`. STREAM-13 to STREAM-15 hold here as well.",
  },
  "BUS-1": {
    level: "MUST",
    text: "Each chat has the subject `palaver.v1.chat.<chat id>.notify` in the JetStream stream `PALAVER_NOTIFY`. The id is checked to be a UUID before it becomes part of a subject. Two kinds of subjects are outside of the stream, and their messages are empty: `palaver.v1.owner.<first 16 hex digits of the SHA-256 of the owner>.notify` says that the owner's list changed, `palaver.v1.runnable` that there may be work.",
  },
  "BUS-2": {
    level: "MUST",
    text: "The payload is `palaver.relay.v1.ChatNotification`: versions and ids, never content or secrets.",
  },
  "BUS-3": {
    level: "MUST",
    text: "It is published after the commit, with the message id `<chat id>:<snapshot_version>`.",
  },
  "BUS-4": {
    level: "MUST",
    text: "It is a hint. Duplicates, reordering, loss, forged or stale content never cause an event that the database does not support.",
  },
  "BUS-5": {
    level: "MUST",
    text: "What a lost notification hid is found by polling within 10 s, and at once when the bus is back: then the versions of everything that is watched are read.",
  },
  "BUS-6": { level: "MUST", text: "A replica without a bus goes on serving, and turns finish." },
  "BUS-7": { level: "MUST", text: "Unknown fields, and the absence of newer ones, are tolerated." },
  "BUS-8": { level: "MUST", text: "Deltas never travel on these subjects." },
  "RELAY-1": {
    level: "MUST",
    text: "`StreamDeltas(chat_id, worker_id, after?)` on the worker's replica sends the log of the current episode after that point, then live deltas, `episode_opened` and `episode_closed`. Its first response is empty: the call was accepted. A replica that is not `worker_id`: `FAILED_PRECONDITION`, reason `WRONG_WORKER`.",
  },
  "RELAY-2": {
    level: "MUST",
    text: "Only peers may call it, with the cluster's token, over mutual TLS where that is configured. Credentials of users are never passed on, and are refused.",
  },
  "RELAY-3": {
    level: "MUST",
    text: "The answer to a dial is used only if it answers the current dial. Any other is closed and contributes nothing.",
  },
  "RELAY-4": { level: "MUST", text: "A pending dial blocks nothing." },
  "RELAY-5": {
    level: "MUST",
    text: "A relay that ends while its worker still owns the running chat is redialled after 500 ms, growing to 15 s, with jitter; after a delta the delay starts over. Before each redial the owner is read afresh.",
  },
  "RELAY-6": { level: "MUST", text: "The end of the transport is never the end of an episode." },
  "RELAY-7": {
    level: "MUST",
    text: "After a reconnect the log is read from the last seq: once each, no gap. Identity is the seq, never the payload.",
  },
  "RELAY-8": { level: "MUST", text: "With the relay down for good the committed messages still arrive." },
  "RELAY-9": { level: "MUST", text: "A silent peer is noticed within the keepalive bound (10 s)." },
  "RELAY-10": {
    level: "MUST",
    text: "When the chat runs on this very replica, the relay is closed; a change of worker closes the old one; the end of a turn closes it once its closing deltas were taken, at most 1 s later.",
  },
  "RELAY-11": {
    level: "MUST",
    text: "There is one relay per watched chat and replica, however many watch; it is released when the last leaves.",
  },
  "RELAY-12": {
    level: "MUST",
    text: "A dial that was refused for its credential is not repeated until the target changes.",
  },
  "INT-1": {
    level: "MUST",
    text: "The call to the provider is aborted within 2 s, wherever the interrupt arrived.",
  },
  "INT-2": {
    level: "MUST",
    text: "What was generated is committed as a partial assistant message marked `interrupted`: at least all that any subscriber has seen, in stream order, however the provider reports the abort. (Fragments of the arguments of a tool call are not an exception to what was shown but to what is stored: a call that broke off in its arguments is committed without them. Where the replica that generated it has died, and nobody has begun anew, the partial is what it had shown until its last checkpoint, 500 ms before at most.)",
  },
  "INT-3": {
    level: "MUST",
    text: "Open tool calls get a result that says they were interrupted; the next prompt is well formed.",
  },
  "INT-4": {
    level: "MUST",
    text: "The partial precedes the message that caused the interrupt, live and after a reload.",
  },
  "INT-5": {
    level: "MUST",
    text: "The queue is kept. Two interrupts make one partial. An interrupt that races the end of a turn gives one of the two outcomes.",
  },
  "INT-6": {
    level: "MUST",
    text: "Nothing generated: no partial. An idle chat: `FAILED_PRECONDITION`, reason `NOT_RUNNING`.",
  },
  "INT-7": { level: "MUST", text: "An edit, unlike an interrupt, discards the partial." },
  "INT-8": { level: "MUST", text: "A shutdown is no interrupt: the turn is handed over, never parked." },
  "ERR-1": {
    level: "MUST",
    text: "Every failed call carries `google.rpc.ErrorInfo` (reason, domain `palaver.dev`, metadata), the same over every wire; invalid requests also carry `google.rpc.BadRequest`. No text holds a stack, SQL, a host, a path or a key. The reasons are listed in errors.",
  },
  "ERR-2": {
    level: "MUST",
    text: "A failed turn is an event on a healthy stream, not a broken call: `ChatError`. It is stored and reads the same after a reload.",
  },
  "ERR-3": {
    level: "MUST",
    text: "Its kinds are overloaded, rate_limit, timeout, auth, config, usage_limit, content_filter, generic.",
  },
  "ERR-4": {
    level: "MUST",
    text: "A plain-text error of an older version reads as `{ message, kind: generic }`; no error stays no error.",
  },
  "ERR-5": {
    level: "MUST",
    text: "An unknown chat and somebody else's are indistinguishable: `NOT_FOUND`, reason `CHAT_NOT_FOUND`.",
  },
  "RETRY-1": { level: "MUST", text: "Only failures classed as retryable are repeated." },
  "RETRY-2": {
    level: "MUST",
    text: "The delay is the greater of 1 s doubling to 60 s and what the provider's Retry-After asks.",
  },
  "RETRY-3": { level: "MUST", text: "Each wait is announced by a `retry` event." },
  "RETRY-4": { level: "MUST", text: "After 25 attempts at a step the turn fails." },
  "RETRY-5": { level: "MUST", text: "Nothing of a failed attempt is committed." },
  "RETRY-6": { level: "MUST", text: "Committed steps are not repeated." },
  "RETRY-7": { level: "MUST", text: "An interrupt ends the wait at once." },
  "RETRY-8": {
    level: "MUST",
    text: "A provider that is silent for longer than configured counts as timed out.",
  },
  "RETRY-9": {
    level: "MUST",
    text: "A stream of a provider that ends before its terminal event is a failure.",
  },
  "OWN-1": { level: "MUST", text: "There is one model call per episode in the whole cluster." },
  "OWN-2": { level: "MUST", text: "The chat of a dead owner is taken over within 30 s." },
  "OWN-3": { level: "MUST", text: "A takeover is a new attempt, announced by `preview_reset`." },
  "OWN-4": { level: "MUST", text: "A paused owner that wakes up later commits nothing." },
  "OWN-5": {
    level: "MUST",
    text: "A graceful stop loses nothing that was acknowledged, and hands over at once.",
  },
  "OWN-6": { level: "MUST", text: "Idle chats are never run again." },
  "OWN-7": { level: "MUST", text: "An interrupt that is sent while nobody owns the chat takes effect." },
  "AUTH-1": {
    level: "MUST",
    text: "Every call but health and reflection needs a credential: `UNAUTHENTICATED` otherwise.",
  },
  "AUTH-2": {
    level: "MUST",
    text: "A chat belongs to its owner. Admins may read and interrupt, never speak in somebody's name.",
  },
  "AUTH-3": {
    level: "MUST",
    text: "A credential that is revoked or expires ends its open streams within 30 s.",
  },
  "AUTH-4": { level: "MUST", text: "What is denied is denied before any work is done for it." },
  "COMPAT-1": {
    level: "MUST",
    text: "Unknown fields are ignored in binary; an unknown enum number is treated as unspecified.",
  },
  "COMPAT-2": { level: "MUST", text: "Clients skip events and parts that they do not know." },
  "COMPAT-3": { level: "MUST", text: "What is declared works; what is not answers `UNIMPLEMENTED`." },
} as const satisfies Readonly<Record<string, Requirement>>;

/** A rule's name, which never changes its meaning: `RELAY-3`. */
export type RuleId = keyof typeof rules;

export const requirements: Readonly<Record<RuleId, Requirement>> = rules;

export const ruleIds = Object.keys(rules) as readonly RuleId[];

export function isRuleId(text: string): text is RuleId {
  return Object.hasOwn(rules, text);
}

const strictness: Readonly<Record<Level, number>> = { MUST: 2, SHOULD: 1, MAY: 0 };

/** Whether `level` asks for more than `other`. */
export function isStricter(level: Level, other: Level): boolean {
  return strictness[level] > strictness[other];
}
