import type { Change } from "./apply-transition.js";
import type { ChatState, NewMessage, StepMessage, UserMessage } from "./chat-state.js";

/**
 * Create: N → U0 with a user message, which starts the first turn; N → W without one.
 * System messages come before the user's.
 */
export function createChatState(
  model: string,
  system: readonly StepMessage[],
  first: UserMessage | undefined,
): Change {
  const messages: readonly (StepMessage & { author?: string })[] = [
    ...system,
    ...(first === undefined
      ? []
      : [{ role: "user" as const, parts: first.parts, model: first.model, author: first.author }]),
  ];
  const inserted = messages.map(
    (message, index): NewMessage => ({
      id: index + 1,
      role: message.role,
      parts: message.parts,
      visibility: "both",
      interrupted: false,
      model: message.model,
      author: message.author,
      usage: undefined,
    }),
  );
  const after: ChatState = {
    phase:
      first === undefined ? { status: "waiting" } : { status: "running", owner: undefined, retry: undefined },
    archived: false,
    versions: { snapshot: 1, history: 1, queue: 1, retry: 1, metadata: 1, reset: 0 },
    generationAttempt: 0,
    leaseEpoch: 0,
    lastMessageId: inserted.length,
    lastQueueId: 0,
    model: first?.model ?? model,
    queue: [],
    openCalls: [],
    checkpoint: undefined,
    compactionRequested: false,
  };
  // Whatever follows at once belongs to its first version, too.
  const before: ChatState = { ...after, versions: { ...after.versions, snapshot: 0 } };
  return { before, after, inserted, hiddenFrom: undefined, notify: true };
}
