/**
 * A map that forgets what has not been used for long: two generations, the older one dropped when the younger is full.
 * It holds between `size` and twice `size` of the most recently used entries, without work per hit.
 */
export class RecentMap<K, V> {
  readonly #size: number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  constructor(size: number) {
    this.#size = size;
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#size && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: K): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  /** Everything remembered; a value that was used again may come twice. */
  *entries(): Iterable<readonly [K, V]> {
    yield* this.#young;
    yield* this.#old;
  }
}
