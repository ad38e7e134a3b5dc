/** In a process that a `Child` stands for: answers what is asked. What fails is told, too. */
export function answerParent(answers: Readonly<Record<string, (argument: never) => unknown>>): void {
  process.on("message", (message) => {
    const { id, ask, argument } = message as { id: number; ask: string; argument: never };
    const answer = answers[ask];
    if (answer === undefined) return;
    void (async () => {
      try {
        process.send?.({ id, result: await answer(argument) });
      } catch (error) {
        process.send?.({
          id,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
      }
    })();
  });
  // What Node.js writes at the end of a process, it writes when that exits.
  process.once("SIGTERM", () => process.exit());
  // It lives to be asked.
  process.channel?.ref();
  process.send?.("ready");
}
