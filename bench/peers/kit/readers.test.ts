import { describe, expect, it } from "vitest";
import { stampedDelta } from "../../kit/stamped-delta.js";
import { type Plan, sayPlan, textOf } from "./plan.js";
import { type SseEvent, sseParser } from "./read-sse.js";
import { Reader } from "./reader.js";

describe("what is said", () => {
  it("is the text of the plan, in deltas", async () => {
    const plan: Plan = { deltas: 5, deltaBytes: 7, intervalMs: 0 };
    const said: string[] = [];
    for await (const delta of sayPlan(plan, textOf(plan))) said.push(delta);
    expect(said.map((delta) => delta.length)).toEqual([7, 7, 7, 7, 7]);
    expect(said.join("")).toBe(textOf(plan));
  });
});

describe("a reader", () => {
  const plan: Plan = { deltas: 10, deltaBytes: 12, intervalMs: 0 };
  const text = textOf(plan);
  const faultOf = (pieces: readonly string[], from = 0): string | undefined => {
    const reader = new Reader(plan, text, { from });
    for (const piece of pieces) reader.read(piece);
    return reader.fault;
  };

  it("takes the text in any pieces, from the beginning or from where it was cut", () => {
    expect(faultOf([text])).toBeUndefined();
    expect(faultOf([text.slice(0, 5), "", text.slice(5, 60), text.slice(60)])).toBeUndefined();
    expect(faultOf([text.slice(17)], 17)).toBeUndefined();
  });

  it("finds what is lost, doubled, changed or too much", () => {
    expect(faultOf([text.slice(0, 12), text.slice(24)])).toBe("another text after 12");
    expect(faultOf([text.slice(0, 12), text.slice(0, 12)])).toBe("another text after 12");
    expect(faultOf([text.toUpperCase()])).toBe("another text after 0");
    expect(faultOf([text, "x"])).toBe("another text after 120");
  });

  it("tells how long deltas were on their way, and finds what is none", () => {
    const stamped: Plan = { deltas: 3, deltaBytes: 40, intervalMs: 50, model: "http://model" };
    const three = [stampedDelta(40), stampedDelta(40), stampedDelta(40)].join("");
    const good = new Reader(stamped, "");
    for (const piece of [three.slice(0, 50), three.slice(50)]) good.read(piece);
    expect(good.fault).toBeUndefined();
    expect(good.travelsUs).toHaveLength(3);
    expect(good.travelsUs.every((us) => us >= 0)).toBe(true);

    const shifted = new Reader(stamped, "");
    shifted.read(three.slice(1));
    expect(shifted.fault).toMatch(/^not a delta: /);
  });
});

describe("server-sent events", () => {
  const parsed = (chunks: readonly string[]): SseEvent[] => {
    const events: SseEvent[] = [];
    const parse = sseParser((event) => events.push(event));
    for (const chunk of chunks) parse(chunk);
    return events;
  };
  const wire = "event: data\nid: 7\ndata: [1,\ndata: 2]\n\ndata:  x\n\ndata:y\n\ndata: not yet";

  it("come with name, id and all lines of data, however they are cut", () => {
    const expected = [
      { name: "data", data: "[1,\n2]", id: "7", length: 38 },
      { name: "", data: " x", id: "", length: 10 },
      { name: "", data: "y", id: "", length: 8 },
    ];
    expect(parsed([wire])).toEqual(expected);
    expect(parsed(Array.from(wire))).toEqual(expected);
  });
});
