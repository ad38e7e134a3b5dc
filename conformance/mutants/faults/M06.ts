import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M06",
  title: "deltas are passed on whatever episode they are of",
  edits: [
    {
      file: "src/stream/stream-machine.ts",
      find: "isShown(state.preview, episode)\n        ? pass({ ...state, preview: show(state.preview, events) }, episode, events)\n        : ignore(state),\n    episodeClosed: (state, { episode, outcome }) =>\n      isShown(state.preview, episode)\n        ? stay(",
      replace:
        "pass(\n        isShown(state.preview, episode) ? { ...state, preview: show(state.preview, events) } : state,\n        episode,\n        events,\n      ),\n    episodeClosed: (state, { episode, outcome }) =>\n      isShown(state.preview, episode)\n        ? stay(",
    },
    {
      file: "src/stream/subscription.ts",
      find: 'case "unfollow":\n        this.#unfollow();\n        break;',
      replace: 'case "unfollow":\n        break;',
    },
    {
      file: "src/relay/mirror.ts",
      find: 'this.#open?.writer.close(event.value.committed ? "committed" : "discarded");',
      replace: 'this.#open?.writer.close("committed");',
    },
  ],
  kills: ["episode/old-attempt-silent"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
