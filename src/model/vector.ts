/** The two ways a vector is written: numbers, and base64 of their little-endian float32 bytes, as OpenAI's SDK reads it. */
import type { Vector } from "./embedding.ts";
import { Failure } from "./failure.ts";

const FLOAT_BYTES = 4;
/** Decimal digits that tell any two float32 apart. */
const FLOAT_DIGITS = 9;

export function toBase64(vector: Vector): string {
  if (typeof vector === "string") return vector;
  const bytes = Buffer.alloc(vector.length * FLOAT_BYTES);
  vector.forEach((value, index) => bytes.writeFloatLE(value, index * FLOAT_BYTES));
  return bytes.toString("base64");
}

/** Throws `upstream_broken` where the base64 does not hold whole numbers of four bytes. */
export function toNumbers(vector: Vector): readonly number[] {
  if (typeof vector !== "string") return vector;
  const bytes = Buffer.from(vector, "base64");
  if (bytes.length === 0 || bytes.length % FLOAT_BYTES !== 0) {
    throw new Failure("upstream_broken", "The upstream gave a vector that is none.");
  }
  return Array.from({ length: bytes.length / FLOAT_BYTES }, (_, index) =>
    // A float32 seen as a double shows digits nobody computed.
    Number(bytes.readFloatLE(index * FLOAT_BYTES).toPrecision(FLOAT_DIGITS)),
  );
}
