import { gate, text } from "../../surroundings/scripted-model/script.js";
import type { ModelCall } from "../../surroundings/scripted-model/model-call.js";
import type { ModelScript } from "../../surroundings/scripted-model/model-script.js";
import { createChat, send, textOf } from "../../cases/kit/chats.js";
import type { Manifest } from "../manifest/manifest.js";
import type { OpenStage } from "../run/stage.js";
import type { Target, TargetReplica } from "../run/target.js";
import type { Look } from "./look.js";

type Stage = OpenStage["stage"];

const reply = "The scripted model is heard.";

/** A whole turn: the target asks the scripted model, by the base URL of one of its replicas, and tells what it says. */
export function turnLook(
  { bounds, launch }: Pick<Manifest, "bounds" | "launch">,
  stage: Stage,
  target: Pick<Target, "model" | "replicas">,
  dialect: "openai" | "anthropic",
): Look {
  return {
    about: `a turn (${dialect})`,
    need: dialect === "openai" ? "model" : "anthropic",
    limitMs: 2 * bounds.response,
    advice: `${baseUrlAdvice(target, launch === undefined)}, and in models.${dialect} the name of a model that it asks there`,
    look: async (signal) => {
      const strays = target.model?.strays.length ?? 0;
      const script = stage.model.script([text(reply)]);
      const { id } = await createChat(stage, { dialect });
      using watcher = stage.watch(id);
      await watcher.caughtUp({ signal });
      await send(stage, id, script.says("Is the model there?"));
      const isOver = ({ messages, error }: Awaited<ReturnType<typeof watcher.caughtUp>>): boolean =>
        messages.size >= 2 || error !== undefined;
      const { messages, error } = await watcher.settled({ signal }, isOver);
      const [call] = script.calls;
      const stray = target.model?.strays.slice(strays).at(-1);
      if (call === undefined) {
        const asked = stray === undefined ? "nobody asked the scripted model" : `it was asked: ${stray.why}`;
        throw new Error(`${asked}; ${error === undefined ? "the turn has ended" : error.message}`);
      }
      if (error !== undefined) throw new Error(`the turn failed: ${error.message}`);
      const said = [...messages.values()].map(textOf).at(-1);
      if (said !== reply) throw new Error(`the last message is ${JSON.stringify(said)}`);
      if (call.dialect !== dialect) throw new Error(`the model was asked in the dialect ${call.dialect}`);
      requireReplica(target, call);
      return `${call.replica} asked the model, and its answer was committed`;
    },
  };
}

/** A target that runs has no template in which {model} could stand: it has to be told each replica's own. */
function baseUrlAdvice({ model, replicas }: Pick<Target, "model" | "replicas">, isAttached: boolean): string {
  if (model === undefined || !isAttached)
    return "give the target {model} as the base URL of its model provider";
  const urls = replicas.map(({ name }) => `${name} ${model.baseUrl(name)}`);
  return `give ${urls.join(", ")} as the base URL of its model provider`;
}

/** Its base URL is that of the replica: by it, cases know who runs a chat. */
function requireReplica(
  { replicas }: Pick<Target, "replicas">,
  { replica }: Pick<ModelCall, "replica">,
): void {
  if (!replicas.some(({ name }) => name === replica))
    throw new Error(`the model was asked as ${replica}, which is the base URL of no replica`);
}

/** The bus brings word of a chat that has changed. */
export function busLook(
  { bounds }: Pick<Manifest, "bounds">,
  stage: Stage,
  { bus }: Pick<Target, "bus">,
): Look {
  return {
    about: "bus",
    need: "bus",
    limitMs: bounds.response + bounds.notify_poll,
    advice: "let the target publish on the bus whose URL the variable in launch.bus holds",
    look: async (signal) => {
      if (bus === undefined) throw new Error("nobody listens");
      const { id } = await createChat(stage, { says: "Does the bus tell of this?" });
      const told = await bus.until(
        `notification of the chat ${id}`,
        (messages) =>
          messages.find(({ chatId, notification }) => chatId === id && notification !== undefined),
        { signal },
      );
      return `told of a chat: snapshot version ${told.notification?.snapshotVersion ?? 0n}`;
    },
  };
}

/** After so many turns it is not chance any more that a replica runs none. */
const maxTurns = 12;

/** Turns that stand in their middle, each watched at all replicas, until somebody's turn is needed. */
export class StandingTurns {
  readonly #stage: Stage;
  readonly #replicas: readonly TargetReplica[];
  readonly #turns: { readonly script: ModelScript; readonly replica: string }[] = [];

  constructor(stage: Stage, { replicas }: Pick<Target, "replicas">) {
    this.#stage = stage;
    this.#replicas = replicas;
  }

  /** Resolves when that replica runs a turn of which all the others have told something. */
  async runBy(name: string, signal: AbortSignal): Promise<void> {
    while (!this.#turns.some(({ replica }) => replica === name)) {
      if (this.#turns.length === maxTurns)
        throw new Error(`it runs none of ${maxTurns} turns: they are run by ${this.#owners()}`);
      await this.#begin(signal);
    }
  }

  /** Lets all of them come to their end. */
  end(): void {
    for (const { script } of this.#turns) script.open("middle");
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const script = this.#stage.model.script([text("begun"), gate("middle"), text(" and done")]);
    const { id } = await createChat(this.#stage);
    const watchers = this.#replicas.map((replica) => this.#stage.watch(id, { replica }));
    await Promise.all(watchers.map((watcher) => watcher.caughtUp({ signal })));
    await send(this.#stage, id, script.says("Stand in the middle."));
    const { replica } = await script.reached("middle", { signal });
    this.#turns.push({ script, replica });
    await Promise.all(
      watchers.map((watcher) =>
        watcher.until("what the model has said", ({ step }) => step !== undefined, { signal }),
      ),
    );
  }

  #owners(): string {
    return [...new Set(this.#turns.map(({ replica }) => replica))].sort().join(" and ");
  }
}
