/** What the model says, by what it is asked. Held where every copy of this module finds it: graphs are loaded apart. */
export const sources = (globalThis.benchSources ??= new Map());
