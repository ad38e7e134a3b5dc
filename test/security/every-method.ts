import { readdir } from "node:fs/promises";
import { inspect } from "node:util";
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  type DescService,
  type Message,
  type MessageInitShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";
import { says } from "../kit/replica.js";

/** All services of the schema, so that one that is added is called without anybody having to think of it. */
export async function loadServices(): Promise<DescService[]> {
  const gen = new URL("../../src/gen/", import.meta.url);
  const files = (await readdir(gen, { recursive: true })).filter((name) => name.endsWith("_pb.ts")).sort();
  const modules = await Promise.all(
    files.map(async (name) => (await import(new URL(name, gen).href)) as Record<string, unknown>),
  );
  return modules.flatMap((module) => Object.values(module)).filter(isService);
}

function isService(value: unknown): value is DescService {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "service";
}

/** Whether calling it twice, for one chat after another, changes nothing. */
export function isRead(method: DescMethod): boolean {
  return (
    method.methodKind === "server_streaming" ||
    method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS
  );
}

/** Calls a method about a chat, and resolves when it has answered, whatever it answered. Streams are listened to for a moment. */
export async function callMethod(transport: Transport, method: DescMethod, chatId: string): Promise<void> {
  const request = requestAbout(method.input, chatId);
  try {
    if (method.methodKind === "unary") {
      await transport.unary(method as DescMethodUnary, undefined, 10_000, undefined, request);
      return;
    }
    const streaming = method as DescMethodStreaming;
    const { message } = await transport.stream(streaming, undefined, 500, undefined, once(request));
    for await (const _each of message);
  } catch (error) {
    // What it says was recorded on its way here.
    if (!(error instanceof ConnectError)) throw error;
  }
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield await Promise.resolve(value);
}

/** Fills the fields that requests have in common, by their names. */
function requestAbout(input: DescMessage, chatId: string): MessageInitShape<DescMessage> {
  const known: Readonly<Record<string, unknown>> = {
    chatId,
    messageId: 1n,
    chat: { id: chatId, title: "Renamed" },
    updateMask: { paths: ["title"] },
    parts: says("What now?"),
    pageSize: 100,
  };
  const fields = input.fields.flatMap((field) =>
    field.localName in known ? [[field.localName, known[field.localName]]] : [],
  );
  return create(input, Object.fromEntries(fields) as MessageInitShape<DescMessage>);
}

/** Keeps all that a server says to a client: messages, headers, trailers, and errors with their details. */
export function recordInto(record: (what: string, said: string) => void): Interceptor {
  return (next) => async (request) => {
    const what = `${request.service.typeName}/${request.method.name}`;
    const keep = (message: Message): void => {
      record(what, text(toBinary(request.method.output, message)));
      record(what, toJsonString(request.method.output, message));
    };
    const keepError = (error: unknown): void => {
      const { rawMessage, metadata, details } = ConnectError.from(error);
      record(what, rawMessage);
      record(what, JSON.stringify([...metadata]));
      for (const detail of details)
        record(
          what,
          detail.value instanceof Uint8Array ? text(detail.value) : inspect(detail, { depth: null }),
        );
    };
    try {
      const response = await next(request);
      record(what, JSON.stringify([...response.header]));
      if (!response.stream) {
        keep(response.message);
        record(what, JSON.stringify([...response.trailer]));
        return response;
      }
      const { message: messages, trailer } = response;
      async function* kept(): AsyncGenerator<Message> {
        try {
          for await (const message of messages) {
            keep(message);
            yield message;
          }
        } catch (error) {
          keepError(error);
          throw error;
        }
        record(what, JSON.stringify([...trailer]));
      }
      return { ...response, message: kept() };
    } catch (error) {
      keepError(error);
      throw error;
    }
  };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
