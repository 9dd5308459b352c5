import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { Cancellation } from "./cancellation.ts";
import { readPiece } from "./http-client.ts";
import { HttpError } from "./http-error.ts";
import { HttpExchange } from "./http-exchange.ts";
import { Turn } from "./turn.ts";

const request = { head: "", body: "", bodyBytes: 0, connectMs: 1_000 };
const turn = new Turn();
const PIECES = 100_000;
const MAX = 1_000_000;

function exchangeWith(pieces: readonly string[]): HttpExchange {
  const exchange = new HttpExchange(request, new Cancellation(), turn);
  for (const piece of pieces) {
    const bytes = Buffer.from(`<${piece}>`);
    exchange.push(bytes, 1, bytes.length - 1);
  }
  return exchange;
}

describe("what came before anybody read it", () => {
  const pieces = ["a", "bc".repeat(100), "", "é".repeat(70_000), "d"].filter((piece) => piece !== "");

  test("is read as one piece, and is the reader's to keep", async () => {
    const exchange = exchangeWith(pieces);
    const first = await readPiece(exchange);
    const more = Buffer.from("later");
    exchange.push(more, 0, more.length);
    exchange.push(more, 0, more.length);
    expect((await readPiece(exchange))?.toString()).toBe("laterlater");
    expect(first?.toString()).toBe(pieces.join(""));
  });

  test("is read as one text", async () => {
    const exchange = exchangeWith(pieces);
    exchange.end();
    expect(await exchange.text(MAX)).toBe(pieces.join(""));
  });

  test("takes memory for its bytes, not for each of its pieces", async () => {
    const byte = Buffer.from("x");
    const exchange = new HttpExchange(request, new Cancellation(), turn);
    const countBuffers = () => heapStats().objectTypeCounts["Uint8Array"] ?? 0;
    const before = countBuffers();
    for (let n = 0; n < PIECES; n += 1) exchange.push(byte, 0, 1);
    expect(countBuffers() - before).toBeLessThan(PIECES / 100);
    exchange.end();
    expect(await exchange.text(MAX)).toBe("x".repeat(PIECES));
  });
});

test("the request's text is let go when the answer begins", async () => {
  const exchange = new HttpExchange({ ...request, body: "a large one" }, new Cancellation(), turn);
  exchange.begin(200, new Headers());
  expect((await exchange.answered).status).toBe(200);
  expect(exchange.request.body).toBe("");
});

test("an answer that breaks in the turn it began in is told as one that began", async () => {
  const exchange = exchangeWith([]);
  exchange.begin(200, new Headers());
  exchange.push(Buffer.from("half"), 0, 4);
  exchange.fail(new HttpError("broken", "The connection broke."));
  const reply = await exchange.answered;
  expect(reply.status).toBe(200);
  expect((await readPiece(reply))?.toString()).toBe("half");
  expect(await readPiece(reply).catch(String)).toContain("broke");
});
