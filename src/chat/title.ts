import type { StoredPart } from "../protocol/index.js";

const maxWords = 6;
const maxCodePoints = 80;

/** A first title from what the user said: the first words, on one line. */
export function titleFrom(parts: readonly StoredPart[]): string {
  const text = parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join(" ");
  const words = text.trim().split(/\s+/u).slice(0, maxWords).join(" ");
  const title = [...words.toWellFormed()].slice(0, maxCodePoints).join("");
  return title === "" ? "New chat" : title;
}
