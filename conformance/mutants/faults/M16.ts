import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M16",
  title: "a change is announced before it is committed",
  edits: [
    {
      file: "src/chat/chats.ts",
      find: "const isLast = idempotency === undefined;",
      replace: "const isLast = false;",
    },
    {
      file: "src/chat/chats.ts",
      find: '"fence" in input && believed ? inOneStatement(andThen(noChange(believed), input)) : undefined;',
      replace: "undefined as Change | undefined;",
    },
    { file: "src/chat/chats.ts", find: "input, { isLast: true });", replace: "input, { isLast: false });" },
    {
      file: "src/chat/chats.ts",
      find: "await inTransactionOnce(this.#database, options, work);",
      replace:
        "await inTransactionOnce(this.#database, options, async (tx, read: Read) => {\n      const early = await work(tx, read);\n      for (const news of early.notify) this.#tell(news);\n      return { ...early, notify: [] };\n    });",
    },
  ],
  kills: ["bus/notify-after-commit"],
  spares: ["lifecycle/get-unknown", "auth/every-rpc"],
};
