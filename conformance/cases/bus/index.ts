import type { Case } from "../../suite/cases/define-case.js";
import { duplicateHarmless } from "./duplicate-harmless.js";
import { everyTransitionNotified } from "./every-transition-notified.js";
import { forgedHintHarmless } from "./forged-hint-harmless.js";
import { lostNotifyConverges } from "./lost-notify-converges.js";
import { noPartsOnNotify } from "./no-parts-on-notify.js";
import { notifyAfterCommit } from "./notify-after-commit.js";
import { olderPayload } from "./older-payload.js";
import { outageAndBack } from "./outage-and-back.js";
import { payloadSchema } from "./payload-schema.js";
import { reconnectNoSkip } from "./reconnect-no-skip.js";
import { reorderedHarmless } from "./reordered-harmless.js";
import { staleWakeIsNotInterrupt } from "./stale-wake-is-not-interrupt.js";
import { subjectScheme } from "./subject-scheme.js";

export const cases: readonly Case[] = [
  notifyAfterCommit,
  everyTransitionNotified,
  subjectScheme,
  payloadSchema,
  duplicateHarmless,
  reorderedHarmless,
  staleWakeIsNotInterrupt,
  forgedHintHarmless,
  lostNotifyConverges,
  outageAndBack,
  noPartsOnNotify,
  reconnectNoSkip,
  olderPayload,
];
