import { create, toBinary } from "@bufbuild/protobuf";
import { ChatNotificationSchema } from "../../../src/gen/palaver/relay/v1/notification_pb.js";
import { subjectOf } from "../../surroundings/bus/bus-observer.js";
import { announced } from "../kit/cluster.js";
import { harmlessHint } from "./harmless-hint.js";

/** A field that no version has: number 1000, of two bytes. */
const unknownField = new Uint8Array([0xc2, 0x3e, 0x02, 0x6f, 0x6b]);

export const olderPayload = harmlessHint({
  id: "bus/older-payload",
  title: "a notification without newer fields, or with unknown ones, is a hint like any other",
  rule: "BUS-7",
  mutant: "M197",
  say: async (context, { idle, running }) => {
    let said = 0;
    for (const chatId of [idle, running]) {
      const newest = announced(context, chatId).at(-1);
      if (newest?.notification === undefined) continue;
      const { snapshotVersion, historyVersion, queueVersion } = newest.notification;
      for (const older of [
        { chatId, snapshotVersion },
        { chatId, snapshotVersion, historyVersion },
        { chatId, snapshotVersion, historyVersion, queueVersion },
      ])
        await context.bus.forge(chatId, older);
      const bytes = toBinary(ChatNotificationSchema, create(ChatNotificationSchema, newest.notification));
      await context.bus.inject(subjectOf(chatId), Buffer.concat([bytes, unknownField]));
      said += 4;
    }
    return said;
  },
});
