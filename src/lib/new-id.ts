/**
 * Ids in the form of UUIDv7 without its dashes: 12 hex digits of milliseconds, so that rows written together lie
 * together, and 20 of randomness, so that nobody can guess one. `randomBytes` must be cryptographic; it is asked for many
 * ids at a time, because each call costs more than an id.
 */

/** 80 bits: more than UUIDv7 has, whose version and variant nobody reads here. */
const RANDOM_DIGITS = 20;
const IDS_AT_ONCE = 200;
const TIME_DIGITS = 12;

export function createNewId(
  nowMs: () => number,
  randomBytes: (count: number) => Uint8Array<ArrayBuffer>,
): () => string {
  let digits = "";
  let at = 0;
  let timeMs = -1;
  let time = "";
  return () => {
    if (at === digits.length) {
      digits = randomBytes((IDS_AT_ONCE * RANDOM_DIGITS) / 2).toHex();
      at = 0;
    }
    const now = nowMs();
    if (now !== timeMs) {
      timeMs = now;
      time = now.toString(16).padStart(TIME_DIGITS, "0");
    }
    const from = at;
    at += RANDOM_DIGITS;
    return time + digits.slice(from, at);
  };
}
