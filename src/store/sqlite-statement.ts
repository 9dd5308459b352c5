/**
 * SQL text and parameters from a tagged template, as SQLite takes them: every value becomes a `?`, every part is put in
 * its place with its own values.
 */
import type { SqlPart, SqlPiece, SqlValue } from "./database.ts";

export class SqliteStatement {
  readonly text: string;
  readonly parameters: readonly SqlValue[];

  constructor(text: string, parameters: readonly SqlValue[]) {
    this.text = text;
    this.parameters = parameters;
  }
}

export function joinTemplate(strings: readonly string[], pieces: readonly SqlPiece[]): SqliteStatement {
  const parameters: SqlValue[] = [];
  let text = strings[0] ?? "";
  for (const [index, piece] of pieces.entries()) {
    text += place(piece, parameters) + (strings[index + 1] ?? "");
  }
  return new SqliteStatement(text, parameters);
}

/** `("a", "b") VALUES (?, ?), (?, ?)`. */
export function joinRows(rows: readonly Readonly<Record<string, SqlValue>>[]): SqliteStatement {
  const columns = Object.keys(rows[0] ?? {});
  const tuples = rows.map(() => tuple(columns.length)).join(", ");
  const parameters = rows.flatMap((row) => columns.map((column) => row[column] ?? null));
  return new SqliteStatement(`(${columns.map(quoted).join(", ")}) VALUES ${tuples}`, parameters);
}

export function joinList(values: readonly SqlValue[]): SqliteStatement {
  return new SqliteStatement(tuple(values.length), values);
}

export function toPart(statement: SqliteStatement): SqlPart {
  // Parts are opaque to everybody else; `place` below is where they come back.
  return statement as unknown as SqlPart;
}

function place(piece: SqlPiece, parameters: SqlValue[]): string {
  if (piece instanceof SqliteStatement) {
    parameters.push(...piece.parameters);
    return piece.text;
  }
  if (isParts(piece)) return piece.map((part) => place(part, parameters)).join(" ");
  if (isValue(piece)) {
    parameters.push(piece);
    return "?";
  }
  throw new TypeError("a part of a SQL statement was made for another database");
}

function isParts(piece: SqlPiece): piece is readonly SqlPart[] {
  return Array.isArray(piece);
}

function isValue(piece: SqlPiece): piece is SqlValue {
  return piece === null || typeof piece !== "object";
}

function tuple(length: number): string {
  return `(${Array.from({ length }, () => "?").join(", ")})`;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
