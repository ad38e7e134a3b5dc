import type { Script } from "./script.js";

const about =
  "I am Palaver's scripted model. I am deterministic and work offline: there is no language model behind me, I only say what my script tells me to.";

const configure = [
  "To talk to a real model, set one of these in the server's environment and start it again:",
  "",
  "- OPENAI_API_KEY, then for example PALAVER_MODEL=openai/<model>",
  "- ANTHROPIC_API_KEY, then for example PALAVER_MODEL=anthropic/<model>",
  "- GOOGLE_GENERATIVE_AI_API_KEY, then for example PALAVER_MODEL=google/<model>",
  "- OPENAI_COMPATIBLE_BASE_URL for any server that speaks the Chat Completions protocol, then PALAVER_MODEL=openai-compatible/<model>",
].join("\n");

const tryThis =
  'What I can show you: ask me for the "time" to see a tool run, to "think" to see reasoning, for something "long" to interrupt me, or to "fail" to see an error.';

/** The built-in script: answers something sensible about itself, and shows what the product can do. */
export const defaultScript: Script = {
  name: "default",
  description: "Says what it is, shows a tool run, reasoning, a long answer and an error.",
  chunk: 6,
  delay_ms: 25,
  turns: [
    {
      when: { after_tool: "current_time" },
      steps: [
        {
          text: "The tool current_time answered: {{tool_result:200}}\n\nThat was a real tool run: I asked for it, the server ran it, and its result is now part of this chat.",
        },
      ],
    },
    { when: { after_tool: "*" }, steps: [{ text: "The tool answered: {{tool_result:200}}" }] },
    {
      when: { user: "/\\btime\\b/i", tool_declared: "current_time" },
      steps: [{ text: "Let me look at the clock." }, { tool_call: { name: "current_time", args: {} } }],
    },
    {
      when: { user: "/\\bthink/i" },
      steps: [
        {
          reasoning:
            "The person wants to see me think. I have no thoughts of my own, so I recite some: what was asked, what do I know, what would help? I know my script, and it says that an honest answer helps most.",
        },
        {
          text: "You asked: “{{user:80}}”. I have thought about it, as far as a script can: what you saw before this text is streamed and stored as reasoning.\n\n",
        },
        { text: about },
      ],
    },
    { when: { user: "/\\blong\\b/i" }, steps: [{ text: longText(), chunk: 12 }] },
    {
      when: { user: "/\\bfail/i" },
      steps: [
        { text: "I am going to fail now, because you asked for it …" },
        { pause_ms: 500 },
        {
          error: {
            status: 400,
            message:
              "This failure is part of the default script. The chat is fine: send another message to go on.",
          },
        },
      ],
    },
    { steps: [{ text: `${about}\n\nYou wrote: “{{user:80}}”\n\n${tryThis}\n\n${configure}` }] },
  ],
};

/** About 2,000 tokens, so that there is time to interrupt. */
function longText(): string {
  const sentences = [
    "Every word of it is stored, so another viewer can join at any time and sees the same text from the start.",
    "If you interrupt me now, what I have said so far stays in the chat, and you can go on from there.",
    "If the replica that runs this turn dies, another one takes the chat over and the turn goes on.",
    "If your connection drops, your client can come back and see this answer from its start, with nothing missing.",
  ];
  const paragraphs = Array.from({ length: 20 }, (_, index) => {
    const rotated = [...sentences.slice(index % 4), ...sentences.slice(0, index % 4)];
    return `${String(index + 1)}. ${rotated.join(" ")}`;
  });
  return `Here is a long answer, in twenty paragraphs.\n\n${paragraphs.join("\n\n")}\n\nThat was the end of the long answer.`;
}
