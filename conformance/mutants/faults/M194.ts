import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M194",
  title: "what a step shows travels to other replicas in notifications",
  edits: [
    {
      file: "src/replica.ts",
      find: "const files = databaseFiles(database);",
      replace: `const files = databaseFiles(database);
    const openEpisode = DeltaLog.prototype.open;
    DeltaLog.prototype.open = function (chatId, episode) {
      const writer = openEpisode.call(this, chatId, episode);
      const append = writer.append.bind(writer);
      writer.append = (delta) => {
        const replicaUrl = JSON.stringify(delta);
        const said = { $typeName: "palaver.relay.v1.ChatNotification", chatId, snapshotVersion: BigInt(writer.lastSeq) + 1000000n, historyVersion: 0n, queueVersion: 0n, retryVersion: 0n, generationAttempt: 0, status: undefined, replicaUrl };
        bus.publish(said as never, "nobody");
        return append(delta);
      };
      return writer;
    };`,
    },
  ],
  kills: ["bus/no-parts-on-notify"],
  spares: ["lifecycle/get-unknown", "auth/every-rpc"],
};
