import { cases as lifecycle } from "../../cases/lifecycle/index.js";
import { cases as order } from "../../cases/order/index.js";
import { cases as resume } from "../../cases/resume/index.js";
import { cases as snapshot } from "../../cases/snapshot/index.js";
import { cases as episode } from "../../cases/episode/index.js";
import { cases as interrupt } from "../../cases/interrupt/index.js";
import { cases as queue } from "../../cases/queue/index.js";
import { cases as edit } from "../../cases/edit/index.js";
import { cases as relayStale } from "../../cases/relay-stale/index.js";
import { cases as relayReconnect } from "../../cases/relay-reconnect/index.js";
import { cases as owner } from "../../cases/owner/index.js";
import { cases as bus } from "../../cases/bus/index.js";
import { cases as status } from "../../cases/status/index.js";
import { cases as legacy } from "../../cases/legacy/index.js";
import { cases as redact } from "../../cases/redact/index.js";
import { cases as flow } from "../../cases/flow/index.js";
import { cases as auth } from "../../cases/auth/index.js";
import { cases as wire } from "../../cases/wire/index.js";
import type { Case } from "./define-case.js";

/** Every case of the suite, by group. */
export const cases: readonly Case[] = [
  ...lifecycle,
  ...order,
  ...resume,
  ...snapshot,
  ...episode,
  ...interrupt,
  ...queue,
  ...edit,
  ...relayStale,
  ...relayReconnect,
  ...owner,
  ...bus,
  ...status,
  ...legacy,
  ...redact,
  ...flow,
  ...auth,
  ...wire,
];
