// A graph of one node, which asks a model that streams what the benchmark says.
import { SimpleChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessageChunk } from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { sources } from "./sources.mjs";

class BenchModel extends SimpleChatModel {
  _llmType() {
    return "bench";
  }

  async _call() {
    throw new Error("it streams");
  }

  async *_streamResponseChunks(messages, _options, runManager) {
    for await (const text of sources.get(messages.at(-1).content)()) {
      const chunk = new ChatGenerationChunk({ text, message: new AIMessageChunk({ content: text }) });
      yield chunk;
      await runManager?.handleLLMNewToken(text, undefined, undefined, undefined, undefined, { chunk });
    }
  }
}

const model = new BenchModel({});

export const graph = new StateGraph(MessagesAnnotation)
  .addNode("model", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
  .addEdge(START, "model")
  .addEdge("model", END)
  .compile();
