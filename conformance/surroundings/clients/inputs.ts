/** The messages of a call's request, in order. */
export function inputsOf<T extends object>(input: T | AsyncIterable<T>): AsyncIterable<T> {
  return Symbol.asyncIterator in input ? input : only(input);
}

async function* only<T>(input: T): AsyncIterable<T> {
  yield input;
}
