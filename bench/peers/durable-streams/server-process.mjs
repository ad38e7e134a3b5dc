// The reference server of Durable Streams, in memory.
import { DurableStreamTestServer } from "@durable-streams/server";
import { answerParent } from "../../kit/answer-parent.ts";

const server = new DurableStreamTestServer({ port: 0, host: "127.0.0.1" });
const url = await server.start();
answerParent({ url: () => url });
