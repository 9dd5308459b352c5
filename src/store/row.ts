/**
 * Reads columns without trusting the driver: SQLite gives every integer as a bigint, PostgreSQL only BIGINT ones. A
 * column that is missing or of another type is a bug in our SQL and throws.
 */

export type Row = Readonly<Record<string, unknown>>;

export function textColumn(row: Row, name: string): string {
  return optionalText(row, name) ?? missing(name);
}

export function optionalText(row: Row, name: string): string | undefined {
  const value = row[name];
  if (value === null) return undefined;
  if (typeof value === "string") return value;
  throw new TypeError(`column ${name} holds no text`);
}

/** An integer that fits a number exactly. Times and counts do; sums of money are read with `bigintColumn`. */
export function integerColumn(row: Row, name: string): number {
  return optionalInteger(row, name) ?? missing(name);
}

export function optionalInteger(row: Row, name: string): number | undefined {
  const value = optionalBigint(row, name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`column ${name} passes 2^53`);
  return number;
}

export function bigintColumn(row: Row, name: string): bigint {
  return optionalBigint(row, name) ?? missing(name);
}

export function optionalBigint(row: Row, name: string): bigint | undefined {
  const value = row[name];
  if (value === null) return undefined;
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  throw new TypeError(`column ${name} holds no integer`);
}

function missing(name: string): never {
  throw new TypeError(`column ${name} is empty`);
}
