import type { ReplicaLinks } from "../../surroundings/cluster.js";
import type { BusObserver } from "../../surroundings/bus/bus-observer.js";
import type { ScriptedModel } from "../../surroundings/scripted-model/scripted-model.js";
import type { ModelEvent } from "../../surroundings/scripted-model/model-call.js";
import type { BusMessage } from "../../surroundings/bus/bus-observer.js";
import type { Account, Manifest } from "../manifest/manifest.js";

/** What is judged, for as long as the process that runs cases lives. */
export interface Target extends AsyncDisposable {
  /** At least as many as any case needs that the planner lets run. */
  readonly replicas: readonly TargetReplica[];
  /** Who answers the target's calls of models. */
  readonly model?: ScriptedModel | undefined;
  readonly bus?: BusObserver | undefined;
  /** What a user's calls carry; undefined where the target asks for nothing. */
  tokenOf(account: Account): string | undefined;
  /** Tells what happens at the model and on the bus, until it is disposed. */
  observe(observer: TargetObserver): Disposable;
  /** Puts right what a case has left behind: cut links, processes that are gone or stand still. Rejects when that fails. */
  restore(): Promise<void>;
}

export interface TargetObserver {
  readonly model: (event: ModelEvent) => void;
  readonly bus: (message: BusMessage) => void;
}

export interface TargetReplica {
  /** r1, r2, …; also how the scripted model names whoever calls it. */
  readonly name: string;
  /** Where clients reach it, the same after a restart. */
  readonly url: string;
  /** What is between it and others; for targets that the suite has started. */
  readonly links?: ReplicaLinks | undefined;
  readonly process?: ReplicaProcess | undefined;
}

/** The process of a replica that the suite has started. */
export interface ReplicaProcess {
  readonly isRunning: boolean;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Asks it to end; resolves when it has. */
  terminate(): Promise<{ readonly code: number | null }>;
  /** It stands still: its connections stay, and nothing answers. Resolves when it does. */
  stop(): Promise<void>;
  continue(): void;
  /** A new process behind the same links. Resolves when it serves. One that still runs is killed first. */
  restart(): Promise<void>;
}

/** Reaches or starts the target. Rejects when it cannot be had, with why. */
export type OpenTarget = (manifest: Manifest) => Promise<Target>;
