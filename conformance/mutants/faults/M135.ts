import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M135",
  title: "a subscriber follows an episode again when its step is committed",
  edits: [
    {
      file: "src/stream/stream-transitions.ts",
      find: "    followAnnounced({ ...state, told, preview, afterMessageId }),\n",
      replace:
        '    followAnnounced({ ...state, told, preview, afterMessageId, announced: preview === undefined && state.preview?.log === "committed" ? state.preview.episode : state.announced }),\n',
    },
    {
      file: "src/stream/stream-transitions.ts",
      find: "if (order < 0 || !isGenerating(told)) return settle({ ...state, announced: undefined });",
      replace: "",
    },
    {
      file: "src/stream/subscription.ts",
      find: 'if (state.phase === "ended" || state.announced === undefined) this.#announced = undefined;',
      replace: 'if (state.phase === "ended") this.#announced = undefined;',
    },
  ],
  kills: ["interrupt/no-parts-after"],
  spares: ["edit/only-user-messages", "interrupt/idle-refused"],
};
