// Runs in the thread of Node's loader. It is registered before the one that turns TypeScript into JavaScript, so it sees the source as it
// stands in the file.
const root = new URL("../../../", import.meta.url);

/** Of each file, by its URL. */
const editsOf = new Map();

export function initialize(edits) {
  for (const edit of edits) {
    const url = new URL(edit.file, root).href;
    editsOf.set(url, [...(editsOf.get(url) ?? []), edit]);
  }
}

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  const edits = editsOf.get(url.split("?")[0]);
  if (edits === undefined || loaded.source === undefined || loaded.source === null) return loaded;
  let source = Buffer.from(loaded.source).toString("utf8");
  for (const { file, find, replace } of edits) {
    if (source.split(find).length !== 2)
      throw new Error(`${file} does not contain ${JSON.stringify(find)} once`);
    source = source.replace(find, () => replace);
  }
  return { ...loaded, source };
}
