import { link, mkdir, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { type Clock, type Random, systemClock, systemRandom } from "../platform/index.js";
import {
  ownIdentity,
  type ProcessIdentity,
  processIdentitySchema,
  processState,
} from "./process-identity.js";
import { StoreError } from "./store-error.js";

export interface DataDirLock {
  /** Gives the folder free. May be called again. */
  release(): Promise<void>;
}

export interface DataDirLockOptions {
  readonly clock?: Clock;
  readonly random?: Random;
}

export const lockFileName = "palaver.lock";
const markerPrefix = `${lockFileName}.after-`;
const claimPrefix = `${lockFileName}.new-`;

/** How often a holder touches its lock. */
const beatMs = 2_000;
/** How long to watch for a touch when the holder's process cannot be seen. Creating a database blocks it for seconds. */
const watchMs = 15_000;

/**
 * Takes the folder for this process alone, creating it (mode 0700) if need be. PGlite takes no lock itself, and two of
 * them on one folder destroy it.
 *
 * Two processes never hold the lock at once, however many start together, and one of those that start together gets
 * it. A lock whose process has died is taken over: at once when the process can be seen to be gone, after 15 s without a
 * sign of life when it ran in another container or on another machine.
 *
 * How: the lock file appears complete, through a hard link, and names its holder by a token that is never used again. A
 * dead holder's lock may be replaced only by whoever first creates `palaver.lock.after-<token>`; should that one die too before it has
 * replaced the lock, the same rule applies to its own token. So the lock and its markers form a chain, and only
 * the last process in it can act. Whoever was slow finds that the chain does not lead to it, and starts again.
 *
 * The file system must have hard links.
 *
 * @throws StoreError DATA_DIR_IN_USE, DATA_DIR_UNUSABLE
 */
export async function acquireDataDirLock(
  dataDir: string,
  { clock = systemClock, random = systemRandom }: DataDirLockOptions = {},
): Promise<DataDirLock> {
  const claim: Claim = { token: random.uuid(), holder: await ownIdentity() };
  try {
    await createFolder(dataDir);
    const claimFile = join(dataDir, claimPrefix + claim.token);
    await writeDurably(claimFile, JSON.stringify(claim));
    try {
      while (!(await tryToAcquire(dataDir, claim, claimFile, clock))) {
        // Somebody else moved first; look again. Each round means that another process has made progress.
      }
    } finally {
      await rm(claimFile, { force: true });
    }
    await removeLeftovers(dataDir);
  } catch (error) {
    throw explainUnusable(error, dataDir);
  }
  return new HeldLock(join(dataDir, lockFileName), claim, clock);
}

/** Creates a folder and those above it. Node's own way never ends where the system will not say what is wrong, as in /proc. */
async function createFolder(folder: string): Promise<void> {
  const create = (): Promise<void> => mkdir(folder, { mode: 0o700 });
  try {
    await create();
  } catch (error) {
    const isThere = await stat(folder).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (isThere) return;
    const parent = dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === folder) throw error;
    await createFolder(parent);
    await create().catch((again: unknown) => {
      // Somebody else who starts at the same time.
      if ((again as NodeJS.ErrnoException).code !== "EEXIST") throw again;
    });
  }
}

const unusable: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist and cannot be created",
  ENOTDIR: "a part of this path is a file",
  EEXIST: "this path is a file",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there, or the file system has no hard links",
  EROFS: "the file system is read-only",
};

/** What the system says of a folder that cannot be used, as an error for the operator; anything else as it is. */
function explainUnusable(error: unknown, dataDir: string): unknown {
  const { code = "" } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  const why = unusable[code];
  if (why === undefined) return error;
  return new StoreError(
    "DATA_DIR_UNUSABLE",
    `The data folder ${dataDir} cannot be used: ${why} (${code}). ` +
      "Make it writable, or name another one with PALAVER_DATA_DIR or --data-dir.",
    { cause: error },
  );
}

class HeldLock implements DataDirLock {
  readonly #file: string;
  readonly #claim: Claim;
  readonly #clock: Clock;
  #timer: Disposable | undefined;
  #beat: Promise<void> = Promise.resolve();
  #released: Promise<void> | undefined;

  constructor(file: string, claim: Claim, clock: Clock) {
    this.#file = file;
    this.#claim = claim;
    this.#clock = clock;
    this.#scheduleBeat();
  }

  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    await this.#beat;
    const current = await readClaim(this.#file).catch(() => undefined);
    if (current?.token === this.#claim.token) await rm(this.#file, { force: true });
  }

  #scheduleBeat(): void {
    this.#timer = this.#clock.timer(beatMs, () => {
      const now = this.#clock.now();
      // A touch that fails costs nothing while later ones succeed; a missing file was deleted by hand.
      this.#beat = utimes(this.#file, now, now).catch(() => undefined);
      void this.#beat.then(() => {
        if (this.#released === undefined) this.#scheduleBeat();
      });
    });
  }
}

/** What a lock file or marker says. */
interface Claim {
  readonly token: string;
  readonly holder: ProcessIdentity;
}

const claimSchema = z.object({ token: z.string().regex(/^[\w-]+$/), holder: processIdentitySchema });

/** One round: true when the lock is ours, false when to look again. */
async function tryToAcquire(
  dataDir: string,
  claim: Claim,
  claimFile: string,
  clock: Clock,
): Promise<boolean> {
  const lockFile = join(dataDir, lockFileName);
  if (await linkNew(claimFile, lockFile)) return true;

  const last = await lastInChain(dataDir);
  if (last === undefined) return false; // released just now
  await assertDead(dataDir, last, clock);

  const marker = join(dataDir, markerPrefix + last.token);
  if (!(await linkNew(claimFile, marker))) return false;
  if ((await lastInChain(dataDir))?.token !== claim.token) {
    await rm(marker, { force: true });
    return false;
  }
  // Nobody but us can act on the chain now. The claim's file itself becomes the lock.
  await rename(claimFile, lockFile);
  return true;
}

/** Removes what starters left behind that were killed or too slow. Only for the holder of the lock. */
async function removeLeftovers(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const file = join(dataDir, name);
    // A marker that still exists follows an earlier lock: it leads nowhere, even if its maker has yet to notice.
    if (name.startsWith(markerPrefix)) await rm(file, { force: true });
    if (name.startsWith(claimPrefix)) {
      const claim = await readClaim(file).catch(() => undefined); // still being written
      if (claim !== undefined && (await processState(claim.holder)) === "dead")
        await rm(file, { force: true });
    }
  }
}

/** The claim that counts: the lock's own, or that of whoever is about to replace it. Undefined when there is no lock. */
async function lastInChain(dataDir: string): Promise<Claim | undefined> {
  let last = await readClaim(join(dataDir, lockFileName));
  for (let next = last; next !== undefined; ) {
    last = next;
    next = await readClaim(join(dataDir, markerPrefix + last.token));
  }
  return last;
}

async function assertDead(dataDir: string, { holder }: Claim, clock: Clock): Promise<void> {
  const state = await processState(holder);
  if (state === "dead") return;
  if (state === "unknown" && !(await isTouched(join(dataDir, lockFileName), clock))) return;
  const who = state === "unknown" ? `process ${holder.pid} on ${holder.hostname}` : `process ${holder.pid}`;
  throw new StoreError(
    "DATA_DIR_IN_USE",
    `The data folder ${dataDir} is in use by ${who}${holder.pid === process.pid && state === "alive" ? ", this one" : ""}. ` +
      "Stop that process, choose another folder, or run several replicas on one Postgres server with DATABASE_URL.",
  );
}

/** Whether the lock is touched or replaced while we watch. A lock that goes away was released. */
async function isTouched(lockFile: string, clock: Clock): Promise<boolean> {
  const before = await touchedAtMs(lockFile);
  await clock.sleep(watchMs);
  const after = await touchedAtMs(lockFile);
  return after !== undefined && after !== before;
}

async function touchedAtMs(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Hard links are created or refused as a whole, so the new name never shows half a file. */
async function linkNew(existing: string, name: string): Promise<boolean> {
  try {
    await link(existing, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Undefined when the file does not exist. */
async function readClaim(file: string): Promise<Claim | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return claimSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new StoreError(
      "DATA_DIR_IN_USE",
      `The lock file ${file} cannot be read. Make sure that no other process uses the folder, then delete the file.`,
      { cause: error },
    );
  }
}

/** On disk before it is linked: after a power failure there is either no lock or a whole one. */
async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
