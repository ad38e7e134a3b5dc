import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M125",
  title: "a new status is told before the messages that led to it",
  edits: [
    {
      file: "src/stream/view-events.ts",
      find: "    ...(turnPassed ? [statusEvent(ChatStatus.RUNNING)] : []),\n  ];",
      replace:
        "    ...(turnPassed ? [statusEvent(ChatStatus.RUNNING)] : []),\n    ...(!view.more && now.status !== (turnPassed ? ChatStatus.RUNNING : told.status) ? [statusEvent(chat.status)] : []),\n  ];",
    },
    {
      file: "src/stream/view-events.ts",
      find: "    ...(statusMoved ? [statusEvent(chat.status)] : []),",
      replace: "",
    },
  ],
  kills: ["order/commit-before-idle"],
  spares: ["lifecycle/get-unknown", "lifecycle/list-stable-pages"],
};
