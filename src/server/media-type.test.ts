import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { detectMediaType } from "./media-type.js";

const bytes = (...pieces: (string | readonly number[] | Uint8Array)[]): Uint8Array =>
  Buffer.concat(
    pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece, "utf8") : Buffer.from(piece))),
  );

const png = bytes([0x89], "PNG\r\n", [0x1a], "\n", [0, 0, 0, 13], "IHDR", [0, 0, 0, 1]);
const jpeg = bytes([0xff, 0xd8, 0xff, 0xe0, 0, 16], "JFIF", [0]);
const gif = bytes("GIF89a", [1, 0, 1, 0, 0x80]);
const webp = bytes("RIFF", [4, 0, 0, 0], "WEBPVP8L", [0]);
const pdf = bytes("%PDF-1.7\n", [0x25, 0xe2, 0xe3, 0xcf, 0xd3]);
const zip = bytes("PK", [3, 4, 20, 0, 0, 0, 8, 0]);

describe("the type of a file", () => {
  it.each([
    ["image/png", png],
    ["image/jpeg", jpeg],
    ["image/gif", gif],
    ["image/gif", bytes("GIF87a", [0])],
    ["image/webp", webp],
    ["application/pdf", pdf],
    ["application/pdf", bytes("%PDF-1.4 in nothing but ASCII")],
  ])("is %s by its bytes, whatever the name says", (mediaType, data) => {
    for (const name of ["a.png", "a.txt", "a.exe", ""]) expect(detectMediaType(data, name)).toBe(mediaType);
  });

  it.each([
    ["an archive", zip],
    ["an office document", bytes(zip, "word/document.xml")],
    ["a program", bytes("MZ", [0x90, 0, 3, 0, 0, 0])],
    ["an ELF program", bytes([0x7f], "ELF", [2, 1, 1, 0])],
    ["a TIFF image", bytes("II*", [0, 8, 0, 0, 0])],
    ["sound behind a tag", bytes("ID3", [3, 0, 0, 0, 0, 0, 0], png)],
    ["a JPEG-LS image", bytes([0xff, 0xd8, 0xff, 0xf7, 0])],
    ["a WAVE file", bytes("RIFF", [4, 0, 0, 0], "WAVEfmt ", [0])],
    ["an image that begins late", bytes([0], png)],
    ["text in UTF-16", bytes([0xff, 0xfe], "h", [0], "i", [0])],
    ["text in Latin-1", bytes("caf", [0xe9])],
    ["text with U+0000", bytes("a", [0], "b")],
    ["text with a control character of protocols", bytes("a", [0x1a], "b")],
    ["half of a code point", bytes("a", [0xf0, 0x9f])],
  ])("%s is not taken, whatever the name says", (_what, data) => {
    for (const name of ["a.png", "a.txt", "a.json", "a.pdf"])
      expect(detectMediaType(data, name)).toBeUndefined();
  });

  it.each([
    ["notes.md", "text/markdown"],
    ["NOTES.MARKDOWN", "text/markdown"],
    ["table.csv", "text/csv"],
    ["main.rs", "text/plain"],
    ["logo.png", "text/plain"],
    ["paper.pdf", "text/plain"],
    ["json", "text/plain"],
    ["a.constructor", "text/plain"],
    ["a.__proto__", "text/plain"],
    ["", "text/plain"],
  ])("of text is a kind of text by the extension of %s", (name, mediaType) => {
    expect(detectMediaType(bytes("GIFs are moving pictures; %PDF is not."), name)).toBe(mediaType);
  });

  it("of text named .json is application/json if it is JSON", () => {
    expect(detectMediaType(bytes('{"a":[1,null]}'), "a.json")).toBe("application/json");
    expect(detectMediaType(bytes("\ufeff[]"), "a.JSON")).toBe("application/json");
    expect(detectMediaType(bytes('{"a":1}{"a":2}'), "a.json")).toBe("text/plain");
    expect(detectMediaType(bytes("["), "a.json")).toBe("text/plain");
  });

  it("of JSON that would take long to parse is text/plain", () => {
    const brackets = bytes("[".repeat(10 * 1024 * 1024));
    expect(detectMediaType(brackets, "a.json")).toBe("text/plain");
  });

  it.each([
    "<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>",
    "<!doctype html><script>",
    "<?xml version='1.0'?><a/>",
  ])("of markup is text/plain: %s", (text) => {
    for (const name of ["a.svg", "a.html", "a.xml"])
      expect(detectMediaType(bytes(text), name)).toBe("text/plain");
  });

  it("of what is two things is what it begins as", () => {
    expect(detectMediaType(bytes(pdf, zip), "a.zip")).toBe("application/pdf");
    expect(detectMediaType(bytes(gif, "/*<script>*/"), "a.html")).toBe("image/gif");
  });

  it("of a log with colours, form feeds and bells is text", () => {
    expect(detectMediaType(bytes("\u001b[31mred\u001b[0m\u0007\f\r\n\t"), "a.log")).toBe("text/plain");
  });

  it("is found for any well-formed text without control characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (text) => {
        fc.pre(!/\p{Cc}/u.test(text) && !/^(?:GIF8|%PDF)/.test(text));
        expect(detectMediaType(bytes(text), "a")).toBe("text/plain");
      }),
    );
  });

  it("is found or not for any bytes and any name, without an error", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.string(), (data, name) => {
        expect(["string", "undefined"]).toContain(typeof detectMediaType(data, name));
      }),
    );
  });
});
