import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanFileName } from "./file-name.js";

describe("the name of a file", () => {
  it.each([
    ["report.pdf", "report.pdf"],
    ["/home/ada/report.pdf", "report.pdf"],
    ["C:\\Users\\ada\\report.pdf", "report.pdf"],
    ["../../etc/passwd", "passwd"],
    ["folder/", "folder"],
    ["  two  words .txt ", "two  words .txt"],
    [".env", ".env"],
    ["日本語🙂.md", "日本語🙂.md"],
    ["a\u0000b\nc\u001b[31m.txt", "abc[31m.txt"],
    ["invoice\u202egpj.exe", "invoicegpj.exe"],
    ["\ufeffzero\u200bwidth\u200d.txt", "zerowidth.txt"],
    ["cafe\u0301.txt", "caf\u00e9.txt"],
    ["half\ud800.txt", "half.txt"],
    ["", ""],
    ["..", ""],
    ["/", ""],
    ["\u200b\u202e", ""],
  ])("%j is kept as %j", (given, kept) => {
    expect(cleanFileName(given)).toBe(kept);
  });

  it("that is too long is cut on a code point and keeps its extension", () => {
    const cut = cleanFileName(`${"🙂".repeat(100)}.tar.gz`);
    expect(cut).toBe(`${"🙂".repeat(63)}.gz`);
    expect(Buffer.byteLength(cleanFileName(`x${"é".repeat(200)}.jpeg`))).toBe(254);
    expect(cleanFileName(`a.${"b".repeat(300)}`)).toBe(`a.${"b".repeat(253)}`);
    expect(cleanFileName(`.${"b".repeat(300)}`)).toBe(`.${"b".repeat(254)}`);
  });

  it("is one visible line without folders, at most 255 bytes, and stays as it is when it is cleaned again", () => {
    const piece = fc.oneof(
      fc.string({ unit: "binary", maxLength: 80 }),
      fc.constantFrom(
        "/",
        "\\",
        ".",
        "..",
        " ",
        "\u202e",
        "\u0301",
        "\ud800",
        "\u2028",
        ".txt",
        "é".repeat(120),
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const name = cleanFileName(pieces.join(""));
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
        expect(name).not.toMatch(/[/\\]|\p{Cc}|\p{Cs}|\p{Bidi_Control}|\p{Zl}|\p{Zp}|^\.\.?$/u);
        expect(name).toBe(name.trim());
        expect(cleanFileName(name)).toBe(name);
      }),
      { numRuns: 2_000 },
    );
  });
});
