import type { Case } from "../../suite/cases/define-case.js";
import { badCredential } from "./bad-credential.js";
import { cursorIsNoKey } from "./cursor-is-no-key.js";
import { everyRpc } from "./every-rpc.js";
import { foreignChat } from "./foreign-chat.js";
import { relayEndpoint } from "./relay-endpoint.js";

export const cases: readonly Case[] = [everyRpc, badCredential, foreignChat, cursorIsNoKey, relayEndpoint];
