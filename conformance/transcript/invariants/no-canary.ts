import { toBinary } from "@bufbuild/protobuf";
import { SubscribeResponseSchema } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { Frame } from "../../surroundings/clients/call.js";
import type { Invariant } from "./invariant.js";

export const noCanary: Invariant = {
  id: "no-canary",
  rules: ["PART-4"],
  sentence:
    "What only a provider may see again is in nothing that a client gets: not in fields that nobody knows, nor in errors and headers.",
  check: ({ transcript, messages }, { canaries = [] }) => {
    const needles = canaries.flatMap((canary) => formsOf(canary).map((form) => ({ canary, form })));
    if (needles.length === 0) return [];
    const places = [
      ...transcript.frames.map((frame, index) => ({ frame: index, bytes: bytesOf(frame) })),
      // Written anew, with unknown fields: JSON may have hidden bytes in base64.
      ...messages.flatMap(({ frame, response }) =>
        response === undefined ? [] : [{ frame, bytes: toBinary(SubscribeResponseSchema, response) }],
      ),
    ];
    return places.flatMap(({ frame, bytes }) => {
      const found = needles.find(({ form }) => Buffer.from(bytes).includes(form));
      return found === undefined
        ? []
        : [{ frame, observed: `${found.canary} in what came as ${transcript.frames[frame]?.kind ?? ""}` }];
    });
  },
};

/** Everything in a frame that can hold a text. */
export function bytesOf(frame: Frame): Uint8Array {
  switch (frame.kind) {
    case "headers":
      return Buffer.from(JSON.stringify(frame.headers));
    case "message":
      return frame.bytes;
    case "trailers":
      return Buffer.concat([Buffer.from(JSON.stringify(frame.headers)), frame.bytes]);
    case "end": {
      if (frame.end.how !== "failed") return new Uint8Array();
      const { message, metadata, violations, details } = frame.end.failure;
      const texts = Buffer.from(JSON.stringify({ message, metadata, violations }));
      return Buffer.concat([texts, ...details.map(({ bytes }) => bytes)]);
    }
    default:
      return frame satisfies never;
  }
}

/** How a text may be written in bytes: as text, and as it stands in the middle of base64, wherever it begins there. */
export function formsOf(canary: string): string[] {
  const bytes = Buffer.from(canary);
  const encoded = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .replaceAll("=", "");
    // The characters at both ends also hold bits of what stands beside it.
    return text.slice(offset === 0 ? 0 : offset + 1, -1);
  });
  return [canary, bytes.toString("hex"), ...encoded];
}
