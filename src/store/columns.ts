import { DatabaseError } from "./database-error.js";

/** Decodes one column of one row from Postgres' text format; null never gets here. */
export type ColumnDecoder = (text: string) => unknown;

/**
 * The decoder for a column type. The one place that decides what rows look like, for both engines: see `Queryable` for
 * the result. A type that is not named here stays text.
 */
export function columnDecoder(typeOid: number): ColumnDecoder {
  return DECODERS.get(typeOid) ?? decodeText;
}

function decodeText(text: string): string {
  return text;
}

function decodeBoolean(text: string): boolean {
  return text === "t";
}

/**
 * @throws DatabaseError when the number does not fit: ids and versions stay below 2^53, so this is a fault and must not
 * pass as a rounded number
 */
function decodeInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw undecodable("an int8 column holds a value beyond 2^53");
  return value;
}

function decodeBytes(text: string): Uint8Array {
  if (!text.startsWith("\\x")) throw undecodable("bytea is not in hex format: reset bytea_output");
  return new Uint8Array(Buffer.from(text.slice(2), "hex"));
}

const TIMESTAMP =
  /^(\d{4,6})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/;

/** Reads `2026-01-31 12:00:00.123456+00` in any session time zone, and drops what is finer than a millisecond. */
function decodeTimestamp(text: string): Date {
  const match = TIMESTAMP.exec(text);
  // Infinity, years before Christ, or a DateStyle that is not ISO.
  if (match === null) throw undecodable("a timestamptz column holds a value that is no Date");
  const field = (index: number): number => Number(match[index] ?? 0);
  const date = new Date(0);
  date.setUTCFullYear(field(1), field(2) - 1, field(3));
  date.setUTCHours(field(4), field(5), field(6), Number((match[7] ?? "").padEnd(3, "0").slice(0, 3)));
  const offsetMs = ((field(9) * 60 + field(10)) * 60 + field(11)) * 1000;
  return new Date(date.getTime() + (match[8] === "-" ? offsetMs : -offsetMs));
}

/** Decodes `{1,NULL,"a\"b"}`: arrays of one dimension, which is all we store. */
function decodeArray(decodeElement: ColumnDecoder): ColumnDecoder {
  return (text) => {
    if (!text.startsWith("{") || text.startsWith("{{"))
      throw undecodable("an array column has more than one dimension");
    const elements: unknown[] = [];
    for (let at = 1; at < text.length - 1; at += 1) {
      if (text[at] === '"') {
        const end = closingQuote(text, at + 1);
        elements.push(decodeElement(text.slice(at + 1, end).replace(/\\(.)/gs, "$1")));
        at = end + 1;
      } else {
        const comma = text.indexOf(",", at);
        const end = comma === -1 ? text.length - 1 : comma;
        const element = text.slice(at, end);
        elements.push(element === "NULL" ? null : decodeElement(element));
        at = end;
      }
    }
    return elements;
  };
}

function closingQuote(text: string, from: number): number {
  let at = from;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}

function undecodable(what: string): DatabaseError {
  return new DatabaseError(`database: ${what}`);
}

/** Type OIDs are fixed in Postgres' catalogue (pg_type.dat): each type beside its array type. */
const DECODERS: ReadonlyMap<number, ColumnDecoder> = new Map(
  (
    [
      [16, 1000, decodeBoolean],
      [17, 1001, decodeBytes],
      [20, 1016, decodeInt8],
      [21, 1005, Number], // int2
      [23, 1007, Number], // int4
      [25, 1009, decodeText],
      [26, 1028, Number], // oid
      [114, 199, decodeText], // json
      [700, 1021, Number], // float4
      [701, 1022, Number], // float8
      [1043, 1015, decodeText], // varchar
      [1184, 1185, decodeTimestamp],
      [2950, 2951, decodeText], // uuid
      [3802, 3807, decodeText], // jsonb
    ] satisfies [number, number, ColumnDecoder][]
  ).flatMap(([type, arrayType, decode]): [number, ColumnDecoder][] => [
    [type, decode],
    [arrayType, decodeArray(decode)],
  ]),
);
