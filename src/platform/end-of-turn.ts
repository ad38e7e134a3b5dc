const waiting: (() => void)[] = [];

/**
 * Calls back once, when everything that is ready in this turn of the event loop has been worked off: whoever gathers things that come one by one
 * passes them on together, with no time lost. All who wait share one turn. A callback must not throw.
 */
export function atEndOfTurn(callback: () => void): void {
  if (waiting.push(callback) === 1) setImmediate(run);
}

function run(): void {
  for (const callback of waiting.splice(0)) callback();
}
