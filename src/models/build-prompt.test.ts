import type { LanguageModelV3Prompt } from "@ai-sdk/provider";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ProviderMetadata, StoredPart } from "../protocol/index.js";
import { buildPrompt } from "./build-prompt.js";
import type { HistoryMessage } from "./model.js";

const target = { provider: "anthropic" };
const providers = ["openai", "openai-chat", "anthropic", "google", "openai-compatible"] as const;
const own = "anthropic/claude";
const foreign = "openai/gpt";

const text = (content: string): StoredPart => ({ type: "text", text: content });
const user = (...parts: StoredPart[]): HistoryMessage => ({
  role: "user",
  parts: parts.length === 0 ? [text("hi")] : parts,
});
const system = (content: string): HistoryMessage => ({ role: "system", parts: [text(content)] });
const assistant = (model: string | undefined, ...parts: StoredPart[]): HistoryMessage => ({
  role: "assistant",
  parts,
  model,
});
const tool = (...parts: StoredPart[]): HistoryMessage => ({ role: "tool", parts });
const call = (id: string, fields: object = {}): StoredPart => ({
  type: "tool-call",
  tool_call_id: id,
  tool_name: "clock",
  args_json: '{"a":1}',
  ...fields,
});
const result = (id: string, fields: object = {}): StoredPart => ({
  type: "tool-result",
  tool_call_id: id,
  tool_name: "clock",
  result_json: '{"ok":true}',
  ...fields,
});
const signed = { anthropic: { signature: "s" } };

const searchResults = [
  {
    url: "https://example.com",
    title: "E",
    pageAge: null,
    encryptedContent: "e+/=",
    type: "web_search_result",
  },
];
const ran = { provider_executed: true, tool_name: "web_search" };
const ranSearch = { ...ran, args_json: '{"query":"q"}' };
const found = { ...ran, result_json: JSON.stringify(searchResults) };
const failedSearch = (errorCode: string): object => ({
  ...ran,
  result_json: JSON.stringify({ type: "web_search_tool_result_error", errorCode }),
  is_error: true,
});
const encrypted = (itemId: string, content?: string): ProviderMetadata => ({
  openai: { itemId, reasoningEncryptedContent: content ?? null },
});
const server = (id: string): ProviderMetadata => ({
  google: { serverToolCallId: id, serverToolType: "GOOGLE_SEARCH", thoughtSignature: "t" },
});

const promptText = (content: string): object => ({ type: "text", text: content });
const toolCall = (toolCallId: string, fields: object = {}): object => ({
  type: "tool-call",
  toolCallId,
  toolName: "clock",
  input: { a: 1 },
  ...fields,
});
const toolResult = (toolCallId: string, output: object = { type: "json", value: { ok: true } }): object => ({
  type: "tool-result",
  toolCallId,
  toolName: "clock",
  output,
});
const searchCall = (id: string, fields: object = {}): object =>
  toolCall(id, { toolName: "web_search", input: { query: "q" }, providerExecuted: true, ...fields });
const searchResult = (id: string, output: object = { type: "json", value: searchResults }): object => ({
  ...toolResult(id, output),
  toolName: "web_search",
});
const hi = { role: "user", content: [promptText("hi")] };
const noResult = {
  type: "error-json",
  value: { error: "This call has no result: it was interrupted before it was done." },
};

type Case = readonly [
  title: string,
  history: readonly HistoryMessage[],
  prompt: readonly object[],
  /** "anthropic" unless said otherwise. */
  provider?: (typeof providers)[number],
];

const cases: readonly Case[] = [
  [
    "blank text parts are left out",
    [user(text(" \n"), text("hi")), assistant(own, text(""), text("yo"))],
    [hi, { role: "assistant", content: [promptText("yo")] }],
  ],
  [
    "an assistant message that ends up empty is left out",
    [user(), assistant(own, text(" ")), user(), assistant(own, text("yo"))],
    [
      { role: "user", content: [promptText("hi"), promptText("hi")] },
      { role: "assistant", content: [promptText("yo")] },
    ],
  ],
  [
    "a user message that ends up empty says so",
    [user(text(""))],
    [{ role: "user", content: [promptText("(empty message)")] }],
  ],
  [
    "without a user message there is one nevertheless",
    [system("s"), assistant(own, text("yo"))],
    [
      { role: "system", content: "s" },
      { role: "user", content: [promptText("(empty message)")] },
      { role: "assistant", content: [promptText("yo")] },
    ],
  ],
  [
    "a history that begins with the model gets a user message before it",
    [assistant(own, text("Welcome")), user()],
    [
      { role: "user", content: [promptText("(empty message)")] },
      { role: "assistant", content: [promptText("Welcome")] },
      hi,
    ],
  ],
  [
    "messages of the same side next to each other become one",
    [
      user(text("a")),
      user(text("b")),
      assistant(own, text("c")),
      tool(result("gone")),
      assistant(own, text("d")),
    ],
    [
      { role: "user", content: [promptText("a"), promptText("b")] },
      { role: "assistant", content: [promptText("c"), promptText("d")] },
    ],
  ],
  [
    "system messages come first",
    [user(), system("one"), system("two")],
    [{ role: "system", content: "one" }, { role: "system", content: "two" }, hi],
  ],
  [
    "invisible code points leave system messages only",
    [system("a\u200Bb\u{E0041}\u202E\u00ADc\uFE0F\u0007\n\td"), user(text("h\u200Bi"))],
    [
      { role: "system", content: "abc\n\td" },
      { role: "user", content: [promptText("h\u200Bi")] },
    ],
  ],
  ["a system message of invisible code points is left out", [system("\u200B\u2060"), user()], [hi]],
  [
    "calls and results go together",
    [user(), assistant(own, call("c1"), call("c2")), tool(result("c2")), tool(result("c1"))],
    [
      hi,
      { role: "assistant", content: [toolCall("c1"), toolCall("c2")] },
      { role: "tool", content: [toolResult("c1"), toolResult("c2")] },
    ],
  ],
  [
    "a call without a result gets an error result",
    [user(), assistant(own, call("c1")), user()],
    [
      hi,
      { role: "assistant", content: [toolCall("c1")] },
      { role: "tool", content: [toolResult("c1", noResult)] },
      hi,
    ],
  ],
  [
    "a result that comes late moves to its call",
    [user(), assistant(own, call("c1")), user(), tool(result("c1"))],
    [hi, { role: "assistant", content: [toolCall("c1")] }, { role: "tool", content: [toolResult("c1")] }, hi],
  ],
  [
    "a result without a call is left out",
    [user(), tool(result("c9")), assistant(own, text("yo"))],
    [hi, { role: "assistant", content: [promptText("yo")] }],
  ],
  [
    "of two results the first counts",
    [user(), assistant(own, call("c1")), tool(result("c1"), result("c1", { result_json: "2" }))],
    [hi, { role: "assistant", content: [toolCall("c1")] }, { role: "tool", content: [toolResult("c1")] }],
  ],
  [
    "ids are sanitised and stay unique",
    [
      user(),
      assistant(own, call("a.b"), call("a:b"), call("")),
      tool(result("a:b", { result_json: "2" }), result("a.b")),
    ],
    [
      hi,
      { role: "assistant", content: [toolCall("a_b"), toolCall("a_b_2"), toolCall("call")] },
      {
        role: "tool",
        content: [
          toolResult("a_b"),
          toolResult("a_b_2", { type: "json", value: 2 }),
          toolResult("call", noResult),
        ],
      },
    ],
  ],
  [
    "an id used again belongs to the later call",
    [
      user(),
      assistant(own, call("c1")),
      tool(result("c1")),
      assistant(own, call("c1")),
      tool(result("c1", { result_json: "2" })),
    ],
    [
      hi,
      { role: "assistant", content: [toolCall("c1")] },
      { role: "tool", content: [toolResult("c1")] },
      { role: "assistant", content: [toolCall("c1_2")] },
      { role: "tool", content: [toolResult("c1_2", { type: "json", value: 2 })] },
    ],
  ],
  [
    "arguments that are absent, broken or no object become empty ones",
    [
      user(),
      assistant(
        own,
        call("c1", { args_json: undefined }),
        call("c2", { args_json: "{" }),
        call("c3", { args_json: "[1]" }),
      ),
      tool(result("c1"), result("c2"), result("c3")),
    ],
    [
      hi,
      {
        role: "assistant",
        content: [
          toolCall("c1", { input: {} }),
          toolCall("c2", { input: {} }),
          toolCall("c3", { input: {} }),
        ],
      },
      { role: "tool", content: [toolResult("c1"), toolResult("c2"), toolResult("c3")] },
    ],
  ],
  [
    "results are encoded by what they are",
    [
      user(),
      assistant(own, call("c1"), call("c2"), call("c3"), call("c4"), call("c5")),
      tool(
        result("c1", { result_json: '"plain"' }),
        result("c2", { result_json: "no json" }),
        result("c3", { result_json: '{"error":"x"}', is_error: true }),
        result("c4", { result_json: "bad", is_error: true }),
        result("c5", { result_json: '{"data":"AAAA","media_type":"image/png"}', is_media: true }),
      ),
    ],
    [
      hi,
      { role: "assistant", content: ["c1", "c2", "c3", "c4", "c5"].map((id) => toolCall(id)) },
      {
        role: "tool",
        content: [
          toolResult("c1", { type: "json", value: "plain" }),
          toolResult("c2", { type: "text", value: "no json" }),
          toolResult("c3", { type: "error-json", value: { error: "x" } }),
          toolResult("c4", { type: "error-text", value: "bad" }),
          toolResult("c5", {
            type: "content",
            value: [
              promptText("A result of type image/png:"),
              { type: "image-data", data: "AAAA", mediaType: "image/png" },
            ],
          }),
        ],
      },
    ],
  ],
  [
    "signed reasoning goes back byte for byte, even when empty",
    [
      user(),
      assistant(
        own,
        { type: "reasoning", text: " \n", provider_metadata: signed },
        { type: "reasoning", text: "", provider_metadata: signed },
        text("yo"),
      ),
    ],
    [
      hi,
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: " \n", providerOptions: signed },
          { type: "reasoning", text: "", providerOptions: signed },
          promptText("yo"),
        ],
      },
    ],
  ],
  [
    "redacted reasoning goes back",
    [
      user(),
      assistant(
        own,
        { type: "reasoning", text: "", provider_metadata: { anthropic: { redactedData: "r" } } },
        text("yo"),
      ),
    ],
    [
      hi,
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "", providerOptions: { anthropic: { redactedData: "r" } } },
          promptText("yo"),
        ],
      },
    ],
  ],
  [
    "another provider's reasoning is left out, signed or not",
    [
      user(),
      assistant(
        foreign,
        { type: "reasoning", text: "hm", provider_metadata: { openai: { itemId: "r" } } },
        { type: "reasoning", text: "hm" },
        text("yo"),
      ),
      user(),
      assistant(undefined, { type: "reasoning", text: "hm", provider_metadata: { openai: {} } }, text("yo")),
    ],
    [
      hi,
      { role: "assistant", content: [promptText("yo")] },
      hi,
      { role: "assistant", content: [promptText("yo")] },
    ],
  ],
  [
    "where no model is told, the name under which metadata is filed says whose it is",
    [
      user(),
      assistant(
        undefined,
        { type: "reasoning", text: "hm", provider_metadata: signed },
        call("s1", { ...ranSearch, provider_metadata: signed }),
        result("s1", found),
        text("yo"),
      ),
    ],
    [
      hi,
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "hm", providerOptions: signed },
          { ...searchCall("s1"), providerOptions: signed },
          searchResult("s1"),
          promptText("yo"),
        ],
      },
    ],
  ],
  [
    "reasoning without a signature is left out where the provider would refuse it",
    [user(), assistant(own, { type: "reasoning", text: "hm" }, { type: "reasoning", text: "" }, text("yo"))],
    [hi, { role: "assistant", content: [promptText("yo")] }],
  ],
  [
    "reasoning without a signature goes back to a server that shows it that way",
    [
      user(),
      assistant(
        "openai-compatible/m",
        { type: "reasoning", text: "hm" },
        { type: "reasoning", text: "" },
        text("yo"),
      ),
    ],
    [hi, { role: "assistant", content: [{ type: "reasoning", text: "hm" }, promptText("yo")] }],
    "openai-compatible",
  ],
  [
    "reasoning that nothing came of is left out where a message must not end with it",
    [
      user(),
      assistant(own, text("so"), { type: "reasoning", text: "hm", provider_metadata: signed }),
      user(),
      assistant(own, { type: "reasoning", text: "hm", provider_metadata: signed }, text(" ")),
      user(),
    ],
    [
      hi,
      { role: "assistant", content: [promptText("so")] },
      { role: "user", content: [promptText("hi"), promptText("hi")] },
    ],
  ],
  [
    "OpenAI's reasoning goes back once it is encrypted, which may be at its last part",
    [
      user(),
      assistant(
        foreign,
        { type: "reasoning", text: "a", provider_metadata: encrypted("r1") },
        { type: "reasoning", text: "b", provider_metadata: encrypted("r1", "e") },
        { type: "reasoning", text: "c", provider_metadata: encrypted("r2") },
        text("yo"),
      ),
    ],
    [
      hi,
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "a", providerOptions: encrypted("r1") },
          { type: "reasoning", text: "b", providerOptions: encrypted("r1", "e") },
          promptText("yo"),
        ],
      },
    ],
    "openai",
  ],
  [
    "metadata goes back to its own provider only, and none that another filed",
    [
      user(),
      assistant(
        own,
        { type: "text", text: "a", provider_metadata: { ...signed, openai: { itemId: "m" } } },
        call("c1", { provider_metadata: signed }),
      ),
      tool(result("c1")),
      assistant(foreign, { type: "text", text: "b", provider_metadata: signed }),
    ],
    [
      hi,
      {
        role: "assistant",
        content: [
          { ...promptText("a"), providerOptions: signed },
          toolCall("c1", { providerOptions: signed }),
        ],
      },
      { role: "tool", content: [toolResult("c1")] },
      { role: "assistant", content: [promptText("b")] },
    ],
  ],
  [
    "what the provider ran stays in the assistant message, right after its call",
    [user(), assistant(own, call("s1", ranSearch), result("s1", found), text("yo"))],
    [hi, { role: "assistant", content: [searchCall("s1"), searchResult("s1"), promptText("yo")] }],
  ],
  [
    "a search that failed at the provider goes back as such",
    [
      user(),
      assistant(own, call("s1", ranSearch), result("s1", failedSearch("max_uses_exceeded")), text("yo")),
    ],
    [
      hi,
      {
        role: "assistant",
        content: [
          searchCall("s1"),
          searchResult("s1", {
            type: "error-json",
            value: { type: "web_search_tool_result_error", errorCode: "max_uses_exceeded" },
          }),
          promptText("yo"),
        ],
      },
    ],
  ],
  [
    "a search of OpenAI goes back",
    [
      user(),
      assistant(
        foreign,
        call("ws1", { ...ranSearch, args_json: "{}" }),
        result("ws1", { ...found, result_json: '{"action":{"type":"search","query":"q"}}' }),
        text("yo"),
      ),
    ],
    [
      hi,
      {
        role: "assistant",
        content: [
          searchCall("ws1", { input: {} }),
          searchResult("ws1", { type: "json", value: { action: { type: "search", query: "q" } } }),
          promptText("yo"),
        ],
      },
    ],
    "openai",
  ],
  [
    "what Google's server ran goes back if both halves are marked",
    [
      user(),
      assistant(
        "google/gemini",
        call("s1", { ...ranSearch, provider_metadata: server("s1") }),
        result("s1", { ...ran, provider_metadata: server("s1") }),
        call("s2", { provider_executed: true, tool_name: "code_execution" }),
        result("s2", { provider_executed: true, tool_name: "code_execution" }),
        text("yo"),
      ),
    ],
    [
      hi,
      {
        role: "assistant",
        content: [
          { ...searchCall("s1"), providerOptions: server("s1") },
          { ...searchResult("s1", { type: "json", value: { ok: true } }), providerOptions: server("s1") },
          promptText("yo"),
        ],
      },
    ],
    "google",
  ],
  ...providers.map(
    (provider): Case => [
      `what another provider ran is left out for ${provider}`,
      [user(), assistant("elsewhere/m", call("s1", ranSearch), result("s1", found), text("yo"))],
      [hi, { role: "assistant", content: [promptText("yo")] }],
      provider,
    ],
  ),
  ...(
    [
      ["its result is missing", [call("s1", ranSearch), result("s2", found)]],
      [
        "its arguments are missing",
        [call("s1", { ...ranSearch, args_json: undefined }), result("s1", found)],
      ],
      [
        "its result lacks the encrypted content",
        [
          call("s1", ranSearch),
          result("s1", {
            ...found,
            result_json: found.result_json.replace('"encryptedContent":"e+/=",', ""),
          }),
        ],
      ],
      ["its result is no JSON", [call("s1", ranSearch), result("s1", { ...found, result_json: "{" })]],
      [
        "it was interrupted",
        [call("s1", ranSearch), result("s1", { ...ran, result_json: '{"error":"stopped"}', is_error: true })],
      ],
      ["its tool cannot be replayed", [call("s1", { provider_executed: true }), result("s1", ran)]],
    ] satisfies [string, StoredPart[]][]
  ).map(
    ([why, parts]): Case => [
      `a call that the provider ran is left out with its result if ${why}`,
      [user(), assistant(own, ...parts, text("yo"))],
      [hi, { role: "assistant", content: [promptText("yo")] }],
    ],
  ),
  [
    "what the provider ran is left out if its result stands in a tool message, as in old chats",
    [
      user(),
      assistant(own, call("s1", ranSearch), call("s2"), call("c1"), text("yo")),
      tool(result("s1", found), result("s2", ran), result("c1")),
    ],
    [
      hi,
      { role: "assistant", content: [toolCall("c1"), promptText("yo")] },
      { role: "tool", content: [toolResult("c1")] },
    ],
  ],
  [
    "an id that the provider's call took is not changed by a later call",
    [
      user(),
      assistant(own, call("s1", ranSearch), result("s1", found), text("yo")),
      user(),
      assistant(own, call("s1")),
      tool(result("s1")),
    ],
    [
      hi,
      { role: "assistant", content: [searchCall("s1"), searchResult("s1"), promptText("yo")] },
      hi,
      { role: "assistant", content: [toolCall("s1_2")] },
      { role: "tool", content: [toolResult("s1_2")] },
    ],
  ],
  [
    "file references become text with name and lines",
    [
      user(
        { type: "file-reference", file_name: "a.ts", start_line: 3, end_line: 5, content: "x\ny" },
        { type: "file-reference", file_name: "b.ts", start_line: 7, end_line: 7, content: "" },
      ),
    ],
    [
      {
        role: "user",
        content: [promptText('File "a.ts", lines 3-5:\nx\ny'), promptText('File "b.ts", line 7')],
      },
    ],
  ],
  [
    "files go as files, texts as text, and what is gone says so",
    [
      user(
        { type: "file", data: "AAAA", media_type: "image/png", name: "p.png" },
        {
          type: "file",
          data: Buffer.from("wörter").toString("base64"),
          media_type: "text/plain",
          name: "w.txt",
        },
        { type: "file", file_id: "f1", media_type: "application/pdf", name: "d.pdf" },
      ),
    ],
    [
      {
        role: "user",
        content: [
          { type: "file", data: "AAAA", mediaType: "image/png", filename: "p.png" },
          promptText('File "w.txt" (text/plain):\nwörter'),
          promptText('[File "d.pdf" (application/pdf): its content is no longer available]'),
        ],
      },
    ],
  ],
  [
    "unpaired surrogates do not leave the house",
    [user(text("a\uD800b"))],
    [{ role: "user", content: [promptText("a\uFFFDb")] }],
  ],
  [
    "sources are left out",
    [user(), assistant(own, text("yo"), { type: "source", url: "https://example.com" })],
    [hi, { role: "assistant", content: [promptText("yo")] }],
  ],
];

describe("the prompt", () => {
  it.each(
    cases.map(([title, history, prompt, provider = "anthropic"]) => ({ title, history, prompt, provider })),
  )("$title", ({ history, prompt, provider }) => {
    expect(buildPrompt(history, { provider })).toEqual(prompt);
  });

  it.each(providers)(
    "for %s holds files by id: texts inlined, images and PDFs as bytes where it takes them",
    (provider) => {
      const bytes = (...data: number[]): Uint8Array => new Uint8Array(data);
      const files = new Map([
        ["png", { mediaType: "image/png", name: "p.png", data: bytes(1, 2, 3) }],
        ["pdf", { mediaType: "application/pdf", name: "d.pdf", data: bytes(4, 5, 6) }],
        ["zip", { mediaType: "application/zip", name: "z.zip", data: bytes(7, 8, 9) }],
        ["md", { mediaType: "text/markdown; charset=utf-8", name: "m.md", data: Buffer.from("wörter") }],
        ["empty", { mediaType: "image/png", name: "e.png", data: bytes() }],
      ]);
      const named = ["png", "pdf", "zip", "md", "empty", "gone"].map(
        (file_id): StoredPart => ({ type: "file", file_id, media_type: "image/png", name: "declared" }),
      );
      const notice = (name: string, type: string, what: string): object =>
        promptText(`[File "${name}" (${type}): ${what}]`);
      expect(buildPrompt([user(...named)], { provider, files })).toEqual([
        {
          role: "user",
          content: [
            { type: "file", data: "AQID", mediaType: "image/png", filename: "p.png" },
            provider === "openai-compatible"
              ? notice("d.pdf", "application/pdf", "this model cannot be shown such files")
              : { type: "file", data: "BAUG", mediaType: "application/pdf", filename: "d.pdf" },
            notice("z.zip", "application/zip", "this model cannot be shown such files"),
            promptText('File "m.md" (text/markdown):\nwörter'),
            notice("e.png", "image/png", "it is empty"),
            notice("declared", "image/png", "its content is no longer available"),
          ],
        },
      ]);
    },
  );

  it("never takes stored data for an address or for the id of a provider's file", () => {
    const parts = ["https://example.com/a.png", "file-abc", "data:image/png;base64,AAAA"].map(
      (data): StoredPart => ({ type: "file", data, media_type: "image/png" }),
    );
    const [message] = buildPrompt([user(...parts)], { provider: "openai" });
    for (const part of message?.role === "user" ? message.content : [])
      expect(part).toMatchObject({
        type: "file",
        data: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/) as unknown,
      });
  });

  it.each(providers)(
    "for %s shows media of results where it takes them, else says what they were",
    (provider) => {
      const media = {
        result_json: '{"data":"AAAA","media_type":"image/png","text":"a chart"}',
        is_media: true,
      };
      const prompt = buildPrompt(
        [user(), assistant(`${provider}/m`, call("c1")), tool(result("c1", media))],
        { provider },
      );
      const part = prompt.at(-1)?.role === "tool" ? prompt.at(-1)?.content[0] : undefined;
      expect(part).toMatchObject({
        output: provider.startsWith("openai-")
          ? {
              type: "text",
              value: "a chart\n[A result of type image/png, which cannot be shown to this model]",
            }
          : {
              type: "content",
              value: [promptText("a chart"), { type: "image-data", data: "AAAA", mediaType: "image/png" }],
            },
      });
    },
  );

  it.each([
    ["12345678901234567890", "text"],
    ['{"id":9007199254740993}', "text"],
    ['{"b":1.10,"a":[1e400]}', "text"],
    ['{"2":0,"1":0}', "text"],
    ['{"a":1,"a":2}', "text"],
    ['{ "id": 9007199254740991,\n "s": "1e400 \\" 12345678901234567890" }', "json"],
  ])("keeps every digit of the result %s", (result_json, type) => {
    const prompt = buildPrompt(
      [user(), assistant(own, call("c1")), tool(result("c1", { result_json }))],
      target,
    );
    const part = prompt.at(-1)?.content[0];
    expect(part).toMatchObject({
      output: { type, value: type === "text" ? result_json : JSON.parse(result_json) },
    });
  });

  it("hands the numbers of arguments that a double would change to whoever can carry them", () => {
    const args_json = '{"id":-9007199254740993,"s":"12345678901234567890","n":[1,1.5,0.10,1e3,-0]}';
    const parts = [call("c1", { args_json })];
    const markNumber = (literal: string): string => `#${literal}`;
    const prompt = buildPrompt([user(), assistant(own, ...parts)], { ...target, markNumber });
    expect(prompt[1]?.content[0]).toMatchObject({
      input: { id: "#-9007199254740993", s: "12345678901234567890", n: [1, 1.5, "#0.10", "#1e3", "#-0"] },
    });
    expect(buildPrompt([user(), assistant(own, ...parts)], target)[1]?.content[0]).toMatchObject({
      input: JSON.parse(args_json) as object,
    });
  });

  it("stays the same where it was when the chat goes on", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.constantFrom(...providers), (history, provider) => {
        const turns = history.filter(({ role }) => role !== "system");
        const before = buildPrompt([user(), ...turns, user()], { provider });
        const after = buildPrompt(
          [user(), ...turns, user(), assistant(`${provider}/m`, call("c1"), call("💥"))],
          { provider },
        );
        expect(after.slice(0, before.length)).toEqual(before);
      }),
    );
  });

  it("inlines at most 128 KiB of a text file, cut on a code point", () => {
    const data = Buffer.from(`a${"ö".repeat(100_000)}`).toString("base64");
    const [message] = buildPrompt([user({ type: "file", data, media_type: "text/plain" })], target);
    const part = message?.role === "user" ? message.content[0] : undefined;
    const inlined = part?.type === "text" ? part.text : "";
    expect(inlined).toMatch(/^File \(text\/plain\), the first 128 KiB of 200001 bytes:\na(?:ö)+$/);
    expect(Buffer.byteLength(inlined.slice(inlined.indexOf("\n") + 1))).toBe(128 * 1024 - 1);
  });

  it("is well-formed for any history", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), fc.constantFrom(...providers), (history, provider) =>
        expectWellFormed(buildPrompt(history, { provider })),
      ),
      { numRuns: 500 },
    );
  });

  it("is a pure function: the same history makes the same prompt, and stays as it is", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), (history) => {
        const before = structuredClone(history);
        expect(buildPrompt(history, target)).toEqual(buildPrompt(structuredClone(history), target));
        expect(history).toEqual(before);
      }),
    );
  });
});

const id = fc.constantFrom("c1", "c2", "c.3", "c:3", "", "💥");
const anyPart: fc.Arbitrary<StoredPart> = fc.oneof(
  fc.string({ maxLength: 4 }).map(text),
  fc.record({
    type: fc.constant("reasoning" as const),
    text: fc.string({ maxLength: 3 }),
    provider_metadata: fc.constantFrom<ProviderMetadata>({}, signed, encrypted("r"), encrypted("r", "e")),
  }),
  fc
    .tuple(id, fc.boolean(), fc.constantFrom("{}", "5", "{", undefined))
    .map(([callId, isRan, args]) =>
      call(callId, { args_json: args, ...(isRan && { ...ran, provider_metadata: server("s") }) }),
    ),
  fc
    .tuple(id, fc.boolean(), fc.constantFrom("{}", '"x"', "no", found.result_json))
    .map(([callId, isRan, json]) =>
      result(callId, { result_json: json, ...(isRan && { ...ran, provider_metadata: server("s") }) }),
    ),
  fc.constant<StoredPart>({ type: "file", media_type: "image/png" }),
);
const message: fc.Arbitrary<HistoryMessage> = fc.record({
  role: fc.constantFrom("system" as const, "user" as const, "assistant" as const, "tool" as const),
  parts: fc.array(anyPart, { maxLength: 5 }),
  model: fc.constantFrom(own, foreign, "google/gemini", "openai-chat/gpt", "openai-compatible/m", undefined),
});

function expectWellFormed(prompt: LanguageModelV3Prompt): void {
  const ids = new Set<string>();
  let open: string[] = [];
  let systemOver = false;
  let last: string | undefined;
  for (const entry of prompt) {
    expect(entry.content.length).toBeGreaterThan(0);
    if (entry.role === "system") {
      expect(systemOver).toBe(false);
      continue;
    }
    systemOver = true;
    // Users and the model take turns.
    if (entry.role !== "tool") expect(entry.role).not.toBe(last);
    else expect(last).toBe("assistant");
    last = entry.role;
    if (entry.role === "tool") {
      expect(entry.content.map((part) => (part.type === "tool-result" ? part.toolCallId : ""))).toEqual(open);
      open = [];
      continue;
    }
    expect(open).toEqual([]);
    if (entry.role !== "assistant") continue;
    const ran: string[] = [];
    for (const part of entry.content) {
      if (part.type === "tool-call") {
        expect(part.toolCallId).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(ids).not.toContain(part.toolCallId);
        ids.add(part.toolCallId);
        (part.providerExecuted === true ? ran : open).push(part.toolCallId);
      }
      if (part.type === "tool-result") expect(ran).toContain(part.toolCallId);
    }
    expect(entry.content.filter(({ type }) => type === "tool-result")).toHaveLength(ran.length);
  }
  expect(open).toEqual([]);
  expect(prompt.find(({ role }) => role !== "system")?.role).toBe("user");
}

it("takes no longer for each message when there are many alike", () => {
  const many = 50_000;
  const calls = Array.from({ length: many }, () => assistant(own, call("same")));
  const users = Array.from({ length: many }, () => user(text("a")));
  const prompt = buildPrompt([...calls, ...users], target);
  const ids = prompt.flatMap(({ role, content }) =>
    role === "assistant" ? content.map((part) => (part.type === "tool-call" ? part.toolCallId : "")) : [],
  );
  expect([ids.length, new Set(ids).size, ids.at(-1)]).toEqual([many, many, `same_${String(many)}`]);
  expect(prompt.at(-1)?.content).toHaveLength(many);
}, 20_000);

it("takes arguments and results of any depth and length: one of them must not end the chat", () => {
  const deep = "[".repeat(9_000) + "]".repeat(9_000);
  const long = JSON.stringify({ text: '\n"\\'.repeat(2_000_000), id: "n" }).replace(
    '"n"',
    "12345678901234567890",
  );
  const prompt = buildPrompt(
    [
      user(),
      assistant(own, call("c1", { args_json: `{"a":${deep}}` }), call("c2", { args_json: long })),
      tool(result("c1", { result_json: deep }), result("c2", { result_json: long })),
    ],
    { ...target, markNumber: (literal) => `number:${literal}` },
  );
  const marked = { text: '\n"\\'.repeat(2_000_000), id: "number:12345678901234567890" };
  const [, asked, answered] = prompt;
  const inputs = asked?.role === "assistant" ? asked.content : [];
  expect(inputs.map((part) => part.type === "tool-call" && part.input)).toEqual([{}, marked]);
  const outputs = answered?.role === "tool" ? answered.content : [];
  expect(outputs.map((part) => part.type === "tool-result" && part.output)).toEqual([
    { type: "text", value: deep },
    { type: "text", value: long },
  ]);
});
