// What XML 1.0 has no place for, not even as an escape; lone surrogates too.
const impossible =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Any text, for content and attributes of XML and HTML. What has no place there becomes U+FFFD. */
export function xmlText(text: string): string {
  return text.replace(impossible, "\ufffd").replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
