/**
 * The reference implementation with one thing wrong. A fault is made in the source as it is loaded, in the process of a replica alone: the
 * product has no switch for it, and what is not changed is the product as it ships.
 */
export interface Fault {
  /** M and two or three digits. */
  readonly id: string;
  /** What is wrong, as a sentence about the implementation. */
  readonly title: string;
  /** All of them are made. */
  readonly edits: readonly [Edit, ...Edit[]];
  /** The cases that have to fail. Cases that name this mutant as theirs are among them. */
  readonly kills: readonly [string, ...string[]];
  /** Groups or cases that must not notice. */
  readonly spares: readonly [string, ...string[]];
}

export interface Edit {
  /** From the project's folder. */
  readonly file: `src/${string}.ts`;
  /** A piece of that file which it contains exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** @throws when the piece is not there exactly once: then the source has changed, and the fault has to follow */
export function applyEdit(source: string, { file, find, replace }: Edit): string {
  const at = source.indexOf(find);
  if (at === -1) throw new Error(`${file} does not contain ${JSON.stringify(find)}`);
  if (source.includes(find, at + 1))
    throw new Error(`${file} contains ${JSON.stringify(find)} more than once`);
  return source.slice(0, at) + replace + source.slice(at + find.length);
}
