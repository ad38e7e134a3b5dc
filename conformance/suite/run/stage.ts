import type { DescMethod, MessageShape } from "@bufbuild/protobuf";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { BusObserver } from "../../surroundings/bus/bus-observer.js";
import {
  type Call,
  type CallOptions,
  type Frame,
  type Input,
  type OnFrame,
  pathOf,
  type RpcClient,
} from "../../surroundings/clients/call.js";
import { openClient } from "../../surroundings/clients/open-client.js";
import { type WireName, wires } from "../../surroundings/clients/wires.js";
import type { ReplicaLinks } from "../../surroundings/cluster.js";
import type { ScriptedModel } from "../../surroundings/scripted-model/scripted-model.js";
import type { Wire as ClaimedWire } from "../cases/vocabulary.js";
import type { Account } from "../manifest/manifest.js";
import { nowMs } from "../time.js";
import { violationsOf, type AmbientViolation } from "./ambient.js";
import { frameText } from "./frame-text.js";
import { recordLinks, recordTarget } from "./record-surroundings.js";
import type { SeededRandom } from "./seeded-random.js";
import type { ReplicaProcess, Target, TargetReplica } from "./target.js";
import type { Timeline } from "./timeline.js";
import { Watch } from "./watch.js";

/** Who calls what, and how. */
export interface As {
  /** By its place, counted from 0. Default: the first. */
  readonly replica?: number | TargetReplica;
  /** Default: alice. `nobody` has no credential. */
  readonly account?: Account | "nobody";
  /** Instead of the wire of the run. */
  readonly wire?: WireName;
}

export interface WatchOptions extends As {
  readonly cursor?: string;
  readonly afterMessageId?: bigint;
  readonly timeoutMs?: number;
}

/** What a run of a case acts with. What it does and sees is on the run's timeline; all of it ends with the run. */
export interface Stage {
  /** A user at a replica, over the wire of the run. The same for the same arguments. */
  readonly client: (as?: As) => RpcClient;
  /** Subscribes to a chat. What it is sent is judged by the ambient invariants when the run is over. */
  readonly watch: (chatId: string, options?: WatchOptions) => Watch;
  /** The scripted model, with the calls that scripts of this run have answered. Only for cases that need `model`. */
  readonly model: Pick<ScriptedModel, "script" | "calls">;
  /** What to give a chat as its model; undefined: it names none. */
  readonly modelName: (dialect?: "openai" | "anthropic") => string | undefined;
  /** Only for cases that need `bus`. */
  readonly bus: BusObserver;
  readonly replica: (index: number) => TargetReplica;
  /** The one of that name: what the scripted model calls whoever called it. */
  readonly replicaNamed: (name: string) => TargetReplica;
  /** Only for cases that need `links`. */
  readonly links: (replica: TargetReplica) => ReplicaLinks;
  /** Only for cases that need `processes`. */
  readonly process: (replica: TargetReplica) => ReplicaProcess;
  /** A text that no client may ever see, on any call of this run. */
  readonly canary: () => string;
  /**
   * Tells the ambient invariants that a replica dies, or loses what it has not told yet: what is committed may then be more than subscribers
   * have seen of it, or less.
   */
  readonly mayLose: (why: string) => void;
}

export interface StageOptions {
  readonly target: Target;
  readonly wire: ClaimedWire;
  readonly models: { readonly openai?: string | undefined; readonly anthropic?: string | undefined };
  readonly random: SeededRandom;
  readonly timeline: Timeline;
  /** Whether no other run goes on: then what happens on links and the bus is of this one. */
  readonly isAlone: boolean;
  /** What is given to it is released at the end of the run. */
  readonly use: <T extends Disposable>(resource: T) => T;
}

/** A stage with what its owner has to know of it. */
export interface OpenStage {
  readonly stage: Stage;
  /** What of all that clients were sent breaks a rule, whatever the case is about. */
  readonly violations: () => AmbientViolation[];
}

export function openStage(options: StageOptions): OpenStage {
  const { target, wire, models, random, timeline, isAlone, use } = options;
  const clients = new Map<string, RpcClient>();
  const watches: Watch[] = [];
  const failures: Frame[] = [];
  const canaries: string[] = [];
  let disturbed = false;
  const scripts = new Set<string>();
  use(recordTarget(target, { timeline, isAlone, isOwnScript: (name) => scripts.has(name) }));
  if (isAlone) recordLinks(target, timeline, use);

  const replica = (index: number): TargetReplica => {
    const found = target.replicas[index];
    if (found === undefined) throw new Error(`the case needs ${index + 1} replicas, and does not say so`);
    return found;
  };
  const client = ({
    replica: at = 0,
    account = "alice",
    wire: name = usualWire(wire),
  }: As = {}): RpcClient => {
    const { name: replicaName, url } = typeof at === "number" ? replica(at) : at;
    const key = `${replicaName} ${account} ${name}`;
    const known = clients.get(key);
    if (known !== undefined) return known;
    const way = wires.find((each) => each.name === name);
    if (way === undefined) throw new Error(`there is no wire ${name}`);
    const token = account === "nobody" ? undefined : target.tokenOf(account);
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const opened = new ToldClient((onFrame) => openClient(way, url, { now: nowMs, headers, onFrame }), {
      timeline,
      account,
      replica: replicaName,
      failures,
    });
    clients.set(key, opened);
    return use(opened);
  };
  const needed = <T>(what: string, value: T | undefined): T => {
    if (value === undefined) throw new Error(`the case uses ${what}, and does not say that it needs it`);
    return value;
  };

  const stage: Stage = {
    client,
    replica,
    replicaNamed: (name) =>
      needed(
        `a replica ${name}`,
        target.replicas.find((each) => each.name === name),
      ),
    watch: (chatId, { cursor = "", afterMessageId = 0n, timeoutMs, ...as } = {}) => {
      const request = { chatId, cursor, afterMessageId };
      const limit = timeoutMs === undefined ? {} : { timeoutMs };
      const watch = new Watch(request, client(as).call(ChatService.method.subscribe, request, limit));
      watches.push(watch);
      return use(watch);
    },
    get model(): Stage["model"] {
      const model = needed("the scripted model", target.model);
      return {
        script: (...responses) => {
          const script = model.script(...responses);
          scripts.add(script.name);
          return script;
        },
        get calls() {
          return model.calls.filter(({ script }) => scripts.has(script));
        },
      };
    },
    get bus() {
      return needed("the bus", target.bus);
    },
    modelName: (dialect = "openai") => models[dialect],
    links: (at) => needed("links", at.links),
    process: (at) => needed("processes", at.process),
    canary: () => {
      const canary = `canary-${random.nonce()}`;
      canaries.push(canary);
      return canary;
    },
    mayLose: (why) => {
      disturbed = true;
      timeline.add({ kind: "note", from: "case", text: why });
    },
  };
  return { stage, violations: () => violationsOf({ watches, failures, canaries, disturbed }) };
}

/** Over HTTP/2, which every wire has; the others are for cases about them. */
function usualWire(wire: ClaimedWire): WireName {
  const found = wires.find(({ claim, httpVersion }) => claim === wire && httpVersion === "2");
  if (found === undefined) throw new Error(`there is no wire ${wire}`);
  return found.name;
}

interface Told {
  readonly timeline: Timeline;
  readonly account: string;
  readonly replica: string;
  /** Where the ends of calls that failed go, but for subscriptions. */
  readonly failures: Frame[];
}

/** A client all of whose calls are on a timeline. */
class ToldClient implements RpcClient {
  readonly #client: RpcClient;
  readonly #told: Told;
  readonly #methods = new Map<string, DescMethod>();

  constructor(open: (onFrame: OnFrame) => RpcClient, told: Told) {
    this.#told = told;
    this.#client = open((call, frame) => this.#tell(call, frame));
  }

  call<M extends DescMethod>(
    method: M,
    input: Input<M>,
    options?: CallOptions,
  ): Call<MessageShape<M["output"]>> {
    this.#begin(method);
    return this.#client.call(method, input, options);
  }

  unary<M extends DescMethod>(
    method: M,
    input: Input<M>,
    options?: CallOptions,
  ): Promise<MessageShape<M["output"]>> {
    this.#begin(method);
    return this.#client.unary(method, input, options);
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }

  #begin(method: DescMethod): void {
    const { timeline, account, replica } = this.#told;
    this.#methods.set(pathOf(method), method);
    timeline.add({ kind: "frame", from: account, to: replica, text: method.name });
  }

  #tell({ path }: Call<unknown>, frame: Frame): void {
    const { timeline, account, replica, failures } = this.#told;
    const method = this.#methods.get(path);
    // Subscriptions are judged by their transcripts.
    if (method !== ChatService.method.subscribe && frame.kind === "end" && frame.end.how === "failed")
      failures.push(frame);
    const text = method === undefined ? undefined : frameText(method, frame);
    if (text === undefined) return;
    timeline.add({ kind: "frame", from: replica, to: account, text: `${method?.name ?? path}: ${text}` });
  }
}
