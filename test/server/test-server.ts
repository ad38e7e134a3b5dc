import type { ServiceImpl } from "@connectrpc/connect";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { type Clock, type Logger, systemClock, systemRandom } from "../../src/platform/index.js";
import { type Access, type RpcLimits, type RpcServer, startRpcServer } from "../../src/server/index.js";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A logger that keeps its lines. */
export function recordingLogger(): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: LogLine["level"]) =>
    (fields: object, text = ""): void => {
      lines.push({ level, fields: { ...fields }, text });
    };
  const logger = {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: () => logger,
  };
  return { logger: logger, lines };
}

export interface TestServer extends RpcServer {
  readonly lines: LogLine[];
}

/** The server on a free port, with so much of ChatService as the test gives. */
export async function startTestServer({
  chat = {},
  access = { kind: "development" },
  limits,
  clock = systemClock,
}: {
  chat?: Partial<ServiceImpl<typeof ChatService>>;
  access?: Access;
  limits?: RpcLimits;
  clock?: Clock;
} = {}): Promise<TestServer> {
  const { logger, lines } = recordingLogger();
  const server = await startRpcServer({
    host: "127.0.0.1",
    port: 0,
    access,
    services: (router) => router.service(ChatService, chat),
    limits,
    clock,
    random: systemRandom,
    logger,
  });
  return { ...server, lines };
}

export const someChatId = "0b6b3f3e-3c1a-4c52-9d4e-1b1f4b1f7a10";
