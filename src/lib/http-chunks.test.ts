/** Where servers are read more leniently than clients; the rest is tested with the messages chunks are in. */
import { describe, expect, test } from "bun:test";
import { ChunkReader } from "./http-chunks.ts";

interface Read {
  readonly body: string;
  /** What lies behind the body's end. */
  readonly rest: string;
  readonly isDone: boolean;
}

/** In pieces of so many bytes; an unfinished line is pushed again with more. */
function read(text: string, isLenient: boolean, pieceBytes: number): Read {
  let body = "";
  const reader = new ChunkReader((bytes, from, to) => (body += bytes.toString("latin1", from, to)), {
    isLenient,
  });
  let kept = "";
  let at = 0;
  while (at < text.length && !reader.isDone) {
    kept += text.slice(at, at + pieceBytes);
    at += pieceBytes;
    kept = kept.slice(reader.read(Buffer.from(kept, "latin1"), 0));
  }
  return { body, rest: kept + text.slice(at), isDone: reader.isDone };
}

const onlyLenient: Readonly<Record<string, string>> = {
  "a size that ends with a line feed": "5\nhello\r\n0\r\n\r\n",
  "a chunk that ends with a line feed": "5\r\nhello\n0\r\n\r\n",
  "a trailer that ends with a line feed": "5\r\nhello\r\n0\r\nX: 1\n\n",
  "line feeds alone": "5\nhello\n0\n\n",
  "a size that space follows": "5  \r\nhello\r\n0\t\r\n\r\n",
  "an extension with a carriage return": "5;a\rb\r\nhello\r\n0\r\n\r\n",
};

describe.each(Object.entries(onlyLenient))("%s", (_, text) => {
  test.each([1, 2, 3, 7, 1_000])("is read leniently and not strictly, in pieces of %d", (pieceBytes) => {
    expect(read(text, true, pieceBytes)).toEqual({ body: "hello", rest: "", isDone: true });
    expect(() => read(text, false, pieceBytes)).toThrow(expect.objectContaining({ kind: "malformed" }));
  });
});

test.each([true, false])("what lies behind the end is left where it is (lenient: %p)", (isLenient) => {
  const text = "3;x=y\r\nabc\r\n0002\r\nde\r\n0\r\nTrailer: 1\r\n\r\nGET / HTTP/1.1";
  expect(read(text, isLenient, 1_000)).toEqual({ body: "abcde", rest: "GET / HTTP/1.1", isDone: true });
  for (let pieceBytes = 1; pieceBytes < text.length; pieceBytes += 1)
    expect(read(text, isLenient, pieceBytes)).toEqual({
      body: "abcde",
      rest: "GET / HTTP/1.1",
      isDone: true,
    });
});

test.each([true, false])("a body without its last chunk is not done (lenient: %p)", (isLenient) => {
  const text = "5\r\nhello\r\n0\r\n\r\n";
  for (let length = 0; length < text.length; length += 1)
    expect(read(text.slice(0, length), isLenient, 1_000).isDone).toBe(false);
});
