import { type ChatMetadata, type Queryable, readMessageRole } from "../store/index.js";
import type { UserMessage } from "./chat-state.js";
import { linkMessageFiles, readMessageFiles } from "./message-files.js";
import type { ClientInput, TransitionInput } from "./transition-input.js";

/** What a client may ask of a chat; what only the database knows is read in the same transaction. */
export type ClientRequest =
  | Exclude<ClientInput, { type: "Edit" } | { type: "Compact" } | { type: "UpdateMetadata" }>
  | Omit<Extract<ClientInput, { type: "Edit" }>, "targetRole">
  | { readonly type: "UpdateMetadata"; readonly model?: string | undefined; readonly metadata: ChatMetadata };

/** The request with what only the database knows. */
export async function completeRequest(
  tx: Queryable,
  chatId: string,
  request: ClientRequest,
): Promise<TransitionInput> {
  switch (request.type) {
    case "Send":
      return { ...request, message: await completeMessage(tx, chatId, request.message) };
    case "Edit":
      return {
        ...request,
        targetRole: await readMessageRole(tx, chatId, request.messageId),
        message: await completeMessage(tx, chatId, request.message),
      };
    case "UpdateMetadata":
      return { type: "UpdateMetadata", model: request.model };
    default:
      return request;
  }
}

/** With its files looked up and linked; a refusal later undoes the links with everything else. */
async function completeMessage(tx: Queryable, chatId: string, message: UserMessage): Promise<UserMessage> {
  const complete = await readMessageFiles(tx, message);
  await linkMessageFiles(tx, chatId, complete);
  return complete;
}
