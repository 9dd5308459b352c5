/** A whole upstream body is bounded by what it becomes, not by what its headers say was sent. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { brotliCompressSync, constants } from "node:zlib";
import { Cancellation } from "#lib/cancellation.ts";
import { systemClock } from "#lib/clock.ts";
import { ConnectionPool } from "#lib/connection-pool.ts";
import { Failure } from "#model/failure.ts";
import { Deadlines } from "./deadlines.ts";
import { readUpstreamText } from "./upstream-text.ts";

const MIB = 1024 * 1024;
const FASTEST = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
/** Just past the bound, and a few hundred bytes on the wire. */
const bomb = brotliCompressSync(Buffer.alloc(257 * MIB, " "), FASTEST);
const small = brotliCompressSync(Buffer.from("answer"), FASTEST);

let server: ReturnType<typeof Bun.serve>;

beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) =>
      new Response(new URL(request.url).pathname === "/bomb" ? bomb : small, {
        headers: { "content-encoding": "br", "content-type": "application/json" },
      }),
  });
});

afterAll(() => server.stop(true));

async function read(path: string): Promise<string> {
  const pool = new ConnectionPool(systemClock);
  const reply = await pool.request({
    url: new URL(path, server.url).href,
    method: "GET",
    headers: [],
    connectMs: 1_000,
    cancellation: new Cancellation(),
  });
  // Both are declared so small that they would be read without counting, were they not compressed.
  expect(Number(reply.headers.get("content-length"))).toBeLessThan(100_000);
  const client = new Cancellation();
  const deadlines = new Deadlines(systemClock, client, { startedMs: 0, totalMs: Number.MAX_SAFE_INTEGER });
  return readUpstreamText(reply, deadlines);
}

test("a compressed body is read", async () => {
  expect(await read("/small")).toBe("answer");
});

test("a small compressed body that becomes a huge one is refused", async () => {
  const outcome = await read("/bomb").then(
    (text) => `${text.length} characters`,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(Failure);
  expect(outcome).toMatchObject({ kind: "upstream_broken", message: expect.stringContaining("too large") });
});
