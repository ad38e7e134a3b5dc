import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M170",
  title: "a committed step is held back until its relay has told how it ended",
  edits: [
    {
      file: "src/stream/stream-transitions.ts",
      find: "const holdMs = 1_000;",
      replace: "const holdMs = 1_000_000;",
    },
    {
      file: "src/relay/relay-machine.ts",
      find: 'if (state.phase === "idle" || state.phase === "closing") return stay(state);',
      replace:
        'if (state.phase === "idle" || state.phase === "closing" || state.phase === "waiting") return stay(state);',
    },
    {
      file: "src/relay/relay-machine.ts",
      find: 'if (state.phase === "connected" && state.episodeOpen) return finish(state, state.dialId);',
      replace: 'if (state.phase === "connected" && state.episodeOpen) return stay(state);',
    },
  ],
  kills: ["relay-reconnect/drop-at-commit", "relay-reconnect/link-stays-down"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
