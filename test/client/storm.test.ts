import { expect, it } from "vitest";
import { clientDelaySeconds } from "../../bench/capacity/storm.js";
import { backoffMs } from "../../src/client/backoff.js";

it("clients of the capacity model come back as our client does", () => {
  for (let failures = 1; failures <= 10; failures++)
    for (const fraction of [0, 0.3, 0.999])
      expect(clientDelaySeconds(failures, fraction, "dies") * 1_000).toBeCloseTo(
        backoffMs(failures, fraction),
        9,
      );
});
