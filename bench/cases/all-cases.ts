import type { BenchCase } from "../run/bench-case.js";
import { fanOut } from "./p1-fan-out.js";
import { wireBytes } from "./p10-wire-bytes.js";
import { growth } from "./p11-growth.js";
import { storm } from "./p13-storm.js";
import { notifications } from "./p14-notifications.js";
import { merged } from "./p2-merged.js";
import { latency } from "./p3-latency.js";
import { relay } from "./p4-relay.js";
import { lateJoin } from "./p5-late-join.js";
import { resume } from "./p6-resume.js";
import { transitions } from "./p7-transitions.js";
import { firstDelta } from "./p8-first-delta.js";
import { memory } from "./p9-memory.js";

export const allCases: readonly BenchCase[] = [
  fanOut,
  merged,
  latency,
  relay,
  lateJoin,
  resume,
  transitions,
  firstDelta,
  memory,
  wireBytes,
  growth,
  storm,
  notifications,
];
