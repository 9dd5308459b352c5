/**
 * An entry of a table by a word from outside: a client's or an upstream's. A plain `table[word]` would find
 * `constructor` or `toString` on every object and hand out a function where a value was meant.
 */
export function lookUp<Value>(
  table: Readonly<Record<string, Value>>,
  word: string | undefined,
): Value | undefined {
  return word !== undefined && Object.hasOwn(table, word) ? table[word] : undefined;
}
