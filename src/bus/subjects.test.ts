import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ChatNotificationSchema } from "../gen/palaver/relay/v1/notification_pb.js";
import { readNotification } from "./read-notification.js";
import { chatSubject, ownerSubject } from "./subjects.js";

const chatId = "0b1c8cb2-6a52-4a3e-9c6e-6f1f2a3b4c5d";

it("the subject of a chat holds its id, and only a UUID makes one (BUS-1)", () => {
  expect(chatSubject(chatId)).toBe(`palaver.v1.chat.${chatId}.notify`);
  for (const id of ["", "*", ">", "a.b", `${chatId}.x`, chatId.toUpperCase(), ` ${chatId}`])
    expect(chatSubject(id)).toBeUndefined();
});

it("the subject of an owner is one token whoever it is, and does not tell the name", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (owner) => {
      expect(ownerSubject(owner)).toMatch(/^palaver\.v1\.owner\.[0-9a-f]{16}\.notify$/);
    }),
  );
  expect(ownerSubject("ada")).not.toBe(ownerSubject("Ada"));
});

it("whatever bytes come in, they are read as a notification about that chat or not at all", () => {
  const good = toBinary(
    ChatNotificationSchema,
    create(ChatNotificationSchema, { chatId, snapshotVersion: 3n }),
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, value]) => good.with(at, value)),
    fc.nat(good.length).map((length) => good.slice(0, length)),
  );
  fc.assert(
    fc.property(bytes, (given) => {
      expect([undefined, chatId]).toContain(readNotification(chatId, given)?.chatId);
    }),
  );
  expect(readNotification(chatId, good)?.snapshotVersion).toBe(3n);
  expect(readNotification("another", good)).toBeUndefined();
  const padding = new Uint8Array(8_000);
  padding.set([0xc2, 0x3e, 0xbc, 0x3e]); // Field 1000: the next 7,996 bytes.
  expect(readNotification(chatId, Buffer.concat([good, padding]))).toBeUndefined();
});
