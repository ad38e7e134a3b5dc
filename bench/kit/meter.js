// Loaded before anything else into every process that is measured (`node --import`): tells what the process itself has used, and ends it
// with the one that started it, however that ends.
const { send } = process;

// Threads load this too, and are no processes.
if (send !== undefined) {
  process.once("disconnect", () => process.exit());
  process.on("message", (message) => {
    if (message?.ask !== "usage") return;
    // Twice: the first collection runs finalizers, the second frees what they held.
    if (message.argument?.collect === true) for (let pass = 0; pass < 2; pass++) globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, external } = process.memoryUsage();
    const result = { cpuUs: user + system, rss, heapUsed, external };
    process.send?.({ id: message.id, result });
  });
  // Whoever is measured decides alone when it has nothing more to do.
  process.channel?.unref();
}
