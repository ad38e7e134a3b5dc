import * as z from "zod";
import { NumberLiteral, stringifyExact } from "./exact-json.js";
import { readProviderMetadata } from "./provider-metadata.js";
import { isUuid } from "./uuid.js";

/**
 * Fields as versions 0 and 1 hold them. One that is optional may also be null or have the zero value of a flat struct: the empty
 * text, the first instant of the year 1, the nil UUID. All of these read as absent. A value of another type is an error.
 */
export const optionalText = optional(z.string().transform((text) => (text === "" ? undefined : text)));

export const optionalFlag = optional(z.boolean());

const zeroTime = Date.parse("0001-01-01T00:00:00Z");
const endOfTime = Date.parse("9999-12-31T23:59:59.999Z");

/** A point in time, maybe with an offset; in UTC when read, with all its digits. */
export const optionalInstant = optional(
  z.union([z.literal(""), z.iso.datetime({ offset: true })]).transform((text, context) => {
    const date = new Date(text);
    if (text === "" || date.getTime() <= zeroTime) return undefined;
    if (Number.isNaN(date.getTime()) || date.getTime() > endOfTime) {
      context.addIssue("Invalid time");
      return z.NEVER;
    }
    return `${date.toISOString().slice(0, 19)}${/[.]\d+/.exec(text)?.[0] ?? ""}Z`;
  }),
);

export const lineNumber = z
  .instanceof(NumberLiteral, { error: "Invalid input: expected number" })
  .transform(({ literal }) => Number(literal))
  .pipe(z.int32());

/** A JSON value, as JSON text. */
export const jsonText = z
  .unknown()
  .optional()
  .transform((value) => stringifyExact(value ?? null));

/** The same where null means that there is none. */
export const optionalJsonText = z
  .unknown()
  .optional()
  .transform((value) => (value === undefined || value === null ? undefined : stringifyExact(value)));

/** Whatever it is: metadata that cannot be read is no error. */
export const optionalMetadata = z
  .unknown()
  .optional()
  .transform((value) => {
    const metadata = readProviderMetadata(value);
    return metadata === undefined || Object.keys(metadata).length === 0 ? undefined : metadata;
  });

/** The file that an id names. Ids that are no UUID name none. */
const optionalFileId = optionalText.transform((id) => {
  const lower = id?.toLowerCase();
  return lower !== undefined && isUuid(lower) && lower !== nilUuid ? lower : undefined;
});
const nilUuid = "00000000-0000-0000-0000-000000000000";

const optionalBase64 = optional(
  z
    .string()
    .refine((text) => text.length % 4 === 0 && !/[^A-Za-z0-9+/]/.test(text.replace(/={1,2}$/, "")), {
      error: "Invalid base64",
    })
    .transform((text) => (text === "" ? undefined : text)),
);

/** The fields of a file. Inline data is dropped where an id names the file (PART-4). */
export const fileFields = z
  .object({
    file_id: optionalFileId,
    data: optionalBase64,
    media_type: z.string(),
    name: optionalText,
    provider_metadata: optionalMetadata,
  })
  .transform(({ data, ...file }) =>
    file.file_id === undefined && data !== undefined ? { ...file, data } : file,
  );

function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}
