/**
 * A process that takes the lock of the folder named by its first argument, for the tests of that lock.
 *
 * Prints "ready"; at a line on stdin tries to acquire, and prints "held" or "refused <reason>"; then holds on until it is
 * killed, or until another line makes it release the lock ("released").
 */
import { createInterface } from "node:readline";
import { acquireDataDirLock, type DataDirLock } from "./data-dir-lock.js";
import { StoreError } from "./store-error.js";

const dataDir = process.argv[2] ?? "";
let lock: DataDirLock | undefined;
console.log("ready");
for await (const _line of createInterface({ input: process.stdin })) {
  if (lock !== undefined) {
    await lock.release();
    lock = undefined;
    console.log("released");
    continue;
  }
  try {
    lock = await acquireDataDirLock(dataDir);
    console.log("held");
  } catch (error) {
    console.log(`refused ${error instanceof StoreError ? error.reason : String(error)}`);
  }
}
