/** Answers read off the wire: where they end, whatever the pieces, and what is no answer. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { HttpError } from "./http-error.ts";
import type { HeaderReader } from "./http-headers.ts";
import { ReplyParser } from "./http-reply-parser.ts";

interface Read {
  status: number;
  headers: HeaderReader;
  body: string;
  /** Undefined while the answer is not complete. */
  isReusable: boolean | undefined;
}

function createReader(): { readonly read: Read; readonly parser: ReplyParser } {
  const read: Read = { status: 0, headers: { get: () => null }, body: "", isReusable: undefined };
  const pieces: Uint8Array[] = [];
  const parser = new ReplyParser({
    onHead(status, headers) {
      expect(read.status).toBe(0);
      Object.assign(read, { status, headers });
    },
    onBody(bytes, from, to) {
      expect(to).toBeGreaterThan(from);
      pieces.push(bytes.subarray(from, to));
      read.body = Buffer.concat(pieces).toString();
    },
    onEnd(isReusable) {
      expect(read.isReusable).toBeUndefined();
      read.isReusable = isReusable;
    },
  });
  return { read, parser };
}

/** `closes`: the connection ends behind it. */
function readWhole(text: string, { closes = false } = {}): Read {
  const { read, parser } = createReader();
  parser.push(Buffer.from(text));
  if (closes) parser.finish();
  return read;
}

const lines = (...given: readonly string[]): string => given.join("\r\n");

interface Case {
  readonly text: string;
  readonly status?: number;
  readonly body?: string;
  readonly isReusable?: boolean;
  readonly closes?: boolean;
}

const cases: Readonly<Record<string, Case>> = {
  "a length": { text: lines("HTTP/1.1 200 OK", "Content-Length: 5", "", "hello"), body: "hello" },
  "a length of nothing": { text: lines("HTTP/1.1 200 OK", "content-length: 0", "", "") },
  "the same length twice": {
    text: lines("HTTP/1.1 200 OK", "Content-Length: 2", "content-length: 2", "", "ok"),
    body: "ok",
  },
  "no reason": { text: lines("HTTP/1.1 429", "content-length: 0", "", ""), status: 429 },
  chunks: {
    text: lines(
      "HTTP/1.1 200 OK",
      "Transfer-Encoding: chunked",
      "",
      "5",
      "hello",
      "A;name=value",
      " wide worl",
      "1 ",
      "d",
      "0",
      "",
      "",
    ),
    body: "hello wide world",
  },
  "chunks and a trailer": {
    text: lines("HTTP/1.1 200 OK", "transfer-encoding: Chunked", "", "2", "ok", "000", "x-sum: 1", "", ""),
    body: "ok",
  },
  "chunks and a length": {
    text: lines(
      "HTTP/1.1 200 OK",
      "Transfer-Encoding: chunked",
      "Content-Length: 3",
      "",
      "2",
      "ok",
      "0",
      "",
      "",
    ),
    body: "ok",
    isReusable: false,
  },
  "LF alone": { text: "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n", body: "ok" },
  "until the connection closes": {
    text: lines("HTTP/1.1 200 OK", "", "all of it"),
    body: "all of it",
    closes: true,
    isReusable: false,
  },
  "a provisional answer first": {
    text: lines(
      "HTTP/1.1 103 Early Hints",
      "Link: </a>",
      "",
      "HTTP/1.1 200 OK",
      "Content-Length: 1",
      "",
      "x",
    ),
    body: "x",
  },
  "no content": { text: lines("HTTP/1.1 204 No Content", "", ""), status: 204 },
  "not modified, with the length it would have": {
    text: lines("HTTP/1.1 304 Not Modified", "Content-Length: 9", "", ""),
    status: 304,
  },
  "a farewell": {
    text: lines("HTTP/1.1 200 OK", "Connection: Close", "Content-Length: 1", "", "x"),
    body: "x",
    isReusable: false,
  },
  "HTTP/1.0": { text: lines("HTTP/1.0 200 OK", "Content-Length: 1", "", "x"), body: "x", isReusable: false },
  "HTTP/1.0 that stays": {
    text: lines("HTTP/1.0 200 OK", "Connection: keep-alive", "Content-Length: 1", "", "x"),
    body: "x",
  },
};

describe.each(Object.entries(cases))(
  "an answer with %s",
  (_, { text, status = 200, body = "", isReusable = true, closes = false }) => {
    test("is read", () => {
      expect(readWhole(text, { closes })).toMatchObject({ status, body, isReusable });
    });

    test("is read the same however its bytes are split", () => {
      const bytes = Buffer.from(text);
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 1, max: bytes.length }), { maxLength: bytes.length }),
          (cuts) => {
            const { read, parser } = createReader();
            let from = 0;
            for (const cut of [...new Set(cuts)].sort((left, right) => left - right)) {
              parser.push(bytes.subarray(from, cut));
              from = cut;
            }
            if (from < bytes.length) parser.push(bytes.subarray(from));
            if (closes) parser.finish();
            expect(read).toMatchObject({ status, body, isReusable });
          },
        ),
      );
    });

    test("is broken where the connection ends before it does", () => {
      const bytes = Buffer.from(text);
      const headBytes = text.indexOf("\r\n\r\n") + 4;
      for (let length = 0; length < (closes ? headBytes : bytes.length); length += 1) {
        const { read, parser } = createReader();
        if (length > 0) parser.push(bytes.subarray(0, length));
        expect(read.isReusable).toBeUndefined();
        expect(() => parser.finish()).toThrow(HttpError);
      }
    });
  },
);

test("more than the answer makes the connection unusable", () => {
  const whole = lines("HTTP/1.1 200 OK", "Content-Length: 2", "", "ok");
  expect(readWhole(`${whole}HTTP/1.1 200 OK\r\n`)).toMatchObject({ body: "ok", isReusable: false });
});

const malformed: Readonly<Record<string, string>> = {
  "another protocol": "SSH-2.0-OpenSSH_9.2\r\n\r\n",
  "HTTP/2's preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "a status of two digits": "HTTP/1.1 20 OK\r\n\r\n",
  "an upgrade": "HTTP/1.1 101 Switching Protocols\r\n\r\n",
  "two lengths": lines("HTTP/1.1 200 OK", "Content-Length: 2", "Content-Length: 3", "", "ok!"),
  "a negative length": lines("HTTP/1.1 200 OK", "Content-Length: -1", "", ""),
  "a length with a sign": lines("HTTP/1.1 200 OK", "Content-Length: +2", "", "ok"),
  "a length beyond counting": lines("HTTP/1.1 200 OK", "Content-Length: 99999999999999999999", "", "ok"),
  "an encoding we did not ask for": lines(
    "HTTP/1.1 200 OK",
    "Transfer-Encoding: gzip, chunked",
    "",
    "0",
    "",
    "",
  ),
  "two transfer encodings": lines(
    "HTTP/1.1 200 OK",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: identity",
    "",
    "0",
    "",
    "",
  ),
  "a folded header": lines("HTTP/1.1 200 OK", "Content-Length: 2", " 3", "", "ok"),
  "a header with space before its colon": lines("HTTP/1.1 200 OK", "Content-Length : 2", "", "ok"),
  "a header without a name": lines("HTTP/1.1 200 OK", ": 2", "", "ok"),
  "a header without a colon": lines("HTTP/1.1 200 OK", "Content-Length", "", "ok"),
  "a chunk size that is none": lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "x", ""),
  "an empty chunk size": lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "", "ok", ""),
  "a negative chunk size": lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "-2", "ok", ""),
  "a chunk size beyond counting": lines(
    "HTTP/1.1 200 OK",
    "Transfer-Encoding: chunked",
    "",
    "fffffffffffffff",
    "ok",
    "",
  ),
  "a chunk longer than its size": lines(
    "HTTP/1.1 200 OK",
    "Transfer-Encoding: chunked",
    "",
    "2",
    "okay",
    "0",
    "",
    "",
  ),
  "a head without end": `HTTP/1.1 200 OK\r\n${"x-filler: 0123456789abcdef\r\n".repeat(3_000)}`,
  "a chunk size line without end": lines(
    "HTTP/1.1 200 OK",
    "Transfer-Encoding: chunked",
    "",
    `1;${"x".repeat(5_000)}`,
  ),
  "a trailer without end": lines(
    "HTTP/1.1 200 OK",
    "Transfer-Encoding: chunked",
    "",
    `0`,
    "x-filler: 0123456789\r\n".repeat(5_000),
  ),
};

test.each(Object.entries(malformed))("%s is no answer", (_, text) => {
  const { parser } = createReader();
  expect(() => parser.push(Buffer.from(text))).toThrow(expect.objectContaining({ kind: "malformed" }));
});

test("headers are found in any case, trimmed, and joined where there are several", () => {
  const { headers } = readWhole(
    lines(
      "HTTP/1.1 200 OK",
      "Content-Length: 0",
      "Retry-After:  7 ",
      "X-Limit: a",
      "x-limit:b",
      "X-Empty:",
      "x-notlimit: c",
      "",
      "",
    ),
  );
  expect(headers.get("retry-after")).toBe("7");
  expect(headers.get("X-Limit")).toBe("a, b");
  expect(headers.get("x-empty")).toBe("");
  expect(headers.get("limit")).toBeNull();
  expect(headers.get("x-none")).toBeNull();
});
