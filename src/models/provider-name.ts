/** How people write the providers' names. Unknown providers keep the name that their configuration gives them. */
const properNames: Readonly<Record<string, string>> = {
  openai: "OpenAI",
  "openai-chat": "OpenAI",
  anthropic: "Anthropic",
  google: "Google",
  "openai-compatible": "The model server",
  scripted: "The scripted model",
};

/** A provider's name for messages to people, for example "Anthropic". */
export function properProviderName(provider: string): string {
  return properNames[provider] ?? provider;
}

/** The provider of a model id "provider/model". Ids without a slash name a provider alone. */
export function providerOf(modelId: string): string {
  const slash = modelId.indexOf("/");
  return slash === -1 ? modelId : modelId.slice(0, slash);
}
