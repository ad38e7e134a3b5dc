import { z } from "zod";
import { defineTool } from "./tool.js";

/** Tells the model what time it is. */
export const currentTime = defineTool({
  name: "current_time",
  description: "Returns the current date and time, in UTC and in a time zone.",
  input: z.object({
    time_zone: z
      .string()
      .refine(isTimeZone, {
        error: "not an IANA time zone; expected for example Europe/Berlin or America/New_York",
      })
      .optional()
      .describe("An IANA time zone, for example Europe/Berlin. UTC if absent."),
  }),
  idempotent: true,
  run({ time_zone = "UTC" }, { clock }) {
    const now = clock.now();
    return Promise.resolve({ utc: now.toISOString(), time_zone, ...inTimeZone(now, time_zone) });
  },
});

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The local time as ISO 8601 with its offset, and the day of the week. */
function inTimeZone(date: Date, timeZone: string): { local: string; weekday: string } {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "iso8601",
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    weekday: "long",
    timeZoneName: "longOffset",
  });
  const parts = Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, value]));
  const {
    year = "",
    month = "",
    day = "",
    hour = "",
    minute = "",
    second = "",
    weekday = "",
    timeZoneName = "",
  } = parts;
  const offset = timeZoneName.replace("GMT", "");
  return {
    local: `${year}-${month}-${day}T${hour}:${minute}:${second}${offset === "" ? "+00:00" : offset}`,
    weekday,
  };
}
