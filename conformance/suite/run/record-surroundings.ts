import type { BusMessage } from "../../surroundings/bus/bus-observer.js";
import type { ModelEvent } from "../../surroundings/scripted-model/model-call.js";
import type { TcpGate } from "../../surroundings/tcp-gate.js";
import type { Target } from "./target.js";
import type { Timeline } from "./timeline.js";

const maxText = 60;

interface Recording {
  readonly timeline: Timeline;
  /** Whether no other run goes on. */
  readonly isAlone: boolean;
  /** Whether this run has written the script of that name. */
  readonly isOwnScript: (name: string) => boolean;
}

/** Writes what happens at the model, and on the bus where all of that is of this run, on a timeline. */
export function recordTarget(target: Target, { timeline, isAlone, isOwnScript }: Recording): Disposable {
  return target.observe({
    model: (event) => {
      if (isAlone || isOwnScript(scriptOf(event))) recordModelEvent(event, timeline);
    },
    bus: (message) => {
      if (isAlone) timeline.add({ kind: "bus", from: "bus", text: busText(message) });
    },
  });
}

/** Writes what happens on the links of all replicas on a timeline. */
export function recordLinks(
  { replicas }: Target,
  timeline: Timeline,
  use: (listening: Disposable) => void,
): void {
  for (const { name, links } of replicas)
    for (const [link, { journal }] of Object.entries<TcpGate>({ ...links }))
      use(
        journal.listen(({ event, connection, detail }) => {
          const words = [event, detail, connection === undefined ? undefined : `(connection ${connection})`];
          timeline.add({
            kind: "link",
            from: link === "relay" ? "peers" : name,
            to: link === "relay" ? name : link,
            text: `${link} link: ${words.filter((word) => word !== undefined).join(" ")}`,
          });
        }),
      );
}

function scriptOf(event: ModelEvent): string {
  if (event.kind === "stray") return "";
  return event.kind === "gateOpened" ? event.script : event.call.script;
}

function recordModelEvent(event: ModelEvent, timeline: Timeline): void {
  switch (event.kind) {
    case "callBegan":
      timeline.add({
        kind: "model",
        from: event.call.replica,
        to: "model",
        text: `call ${event.call.index + 1}`,
      });
      return;
    case "sent":
      timeline.add({
        kind: "model",
        from: "model",
        to: event.call.replica,
        text: `${event.piece.kind} "${event.piece.text.slice(0, maxText)}"`,
      });
      return;
    case "gateReached":
      timeline.add({ kind: "model", from: "model", text: `waits at the gate ${event.gate}` });
      return;
    case "gateOpened":
      timeline.add({ kind: "model", from: "model", text: `the gate ${event.gate} is open` });
      return;
    case "callEnded":
      timeline.add({
        kind: "model",
        from: event.end.how === "aborted" ? event.call.replica : "model",
        to: event.end.how === "aborted" ? "model" : event.call.replica,
        text: `call ${event.call.index + 1} ${event.end.how}`,
      });
      return;
    case "stray":
      timeline.add({
        kind: "model",
        from: "model",
        text: `a request that no script is for: ${event.request.why}`,
      });
      return;
    default:
      event satisfies never;
  }
}

function busText({ chatId, notification, isInjected, bytes }: BusMessage): string {
  const what =
    notification === undefined
      ? `${bytes.length} bytes that cannot be decoded`
      : `snapshot ${notification.snapshotVersion}`;
  return `${isInjected ? "injected: " : ""}${chatId.slice(0, 8)} ${what}`;
}
