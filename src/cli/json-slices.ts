/**
 * Pieces of JSON text, cut out as they stand: parsing and printing them again would lose integers above 2^53. Everywhere here the text is
 * JSON already; whoever is not sure lets `JSON.parse` look at it first.
 */

/** The members of an object by name. Of members with the same name the last counts. */
export function memberSlices(object: string): Map<string, string> {
  const members = new Map<string, string>();
  for (let at = skipSpace(object, object.indexOf("{") + 1); object[at] === '"'; ) {
    const nameEnd = stringEnd(object, at);
    const name = JSON.parse(object.slice(at, nameEnd)) as string;
    const start = skipSpace(object, nameEnd) + 1; // after the colon
    const end = valueEnd(object, start);
    members.set(name, object.slice(start, end).trim());
    at = skipSpace(object, end + 1); // after the comma
  }
  return members;
}

/** The elements of an array. */
export function elementSlices(array: string): string[] {
  const elements: string[] = [];
  const last = array.lastIndexOf("]");
  let at = skipSpace(array, array.indexOf("[") + 1);
  while (at < last) {
    const end = valueEnd(array, at);
    elements.push(array.slice(at, end).trim());
    at = skipSpace(array, end + 1);
  }
  return elements;
}

/** Where the comma or bracket after a value stands. */
function valueEnd(json: string, start: number): number {
  let depth = 0;
  for (let at = start; ; ) {
    const char = json[at];
    if (char === '"') {
      at = stringEnd(json, at);
      continue;
    }
    if (depth === 0 && (char === "," || char === "}" || char === "]" || char === undefined)) return at;
    if (char === "{" || char === "[") depth += 1;
    if (char === "}" || char === "]") depth -= 1;
    at += 1;
  }
}

function stringEnd(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}

function skipSpace(json: string, from: number): number {
  let at = from;
  while (/[ \t\n\r]/.test(json[at] ?? "")) at += 1;
  return at;
}
