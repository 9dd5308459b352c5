/** Requests as clients and attackers send them, in pieces of every size. */
import { describe, expect, test } from "bun:test";
import { RequestParser, type RequestHead } from "./http-request-parser.ts";

interface Read {
  readonly head: RequestHead;
  body: string;
  isComplete: boolean;
}

/** Reads as a connection does: what lies behind a request's end is the next one's. */
function createReader() {
  const requests: Read[] = [];
  const parser = new RequestParser({
    onHead(head) {
      requests.push({ head, body: "", isComplete: false });
    },
    onBody(bytes, from, to) {
      expect(to).toBeGreaterThan(from);
      const read = requests.at(-1);
      expect(read?.isComplete).toBe(false);
      if (read) read.body += bytes.toString("latin1", from, to);
    },
    onEnd() {
      const read = requests.at(-1);
      expect(read?.isComplete).toBe(false);
      if (read) read.isComplete = true;
    },
  });
  const push = (text: string): void => {
    let rest: Buffer | undefined = Buffer.from(text, "latin1");
    while (rest) {
      rest = parser.push(rest);
      if (requests.at(-1)?.isComplete === true) parser.next();
    }
  };
  return { requests, parser, push };
}

function readWhole(text: string): readonly Read[] {
  const { requests, push } = createReader();
  push(text);
  return requests;
}

function lines(...texts: readonly string[]): string {
  return texts.join("\r\n");
}

const POST = "POST /v1/chat HTTP/1.1\r\nHost: a\r\n";
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

interface Good {
  readonly text: string;
  /** Method, target and body of each request. */
  readonly reads: readonly (readonly [method: string, target: string, body: string])[];
  readonly head?: Partial<Omit<RequestHead, "headers">>;
}

const good: Readonly<Record<string, Good>> = {
  "without a body": {
    text: "GET /v1/models?limit=2 HTTP/1.1\r\nHost: a\r\n\r\n",
    reads: [["GET", "/v1/models?limit=2", ""]],
    head: { isReusable: true, isHttp10: false, expectsContinue: false, length: 0 },
  },
  "with a length": {
    text: `${POST}Content-Length: 5\r\n\r\nhello`,
    reads: [["POST", "/v1/chat", "hello"]],
    head: { isReusable: true, length: 5 },
  },
  "with a length of nothing": {
    text: `${POST}Content-Length: 0\r\n\r\n`,
    reads: [["POST", "/v1/chat", ""]],
    head: { length: 0 },
  },
  "with chunks": {
    text: `${CHUNKED}5\r\nhello\r\n00a;name=value\r\n, world\r\n!\r\n0\r\n\r\n`,
    reads: [["POST", "/v1/chat", "hello, world\r\n!"]],
    head: { length: undefined },
  },
  "with chunks whose sizes are in capitals, and a trailer": {
    text: `${CHUNKED}A\r\n0123456789\r\n0\r\nX-Sum: 1\r\nContent-Length: 7\r\n\r\n`,
    reads: [["POST", "/v1/chat", "0123456789"]],
  },
  "with no chunk but the last": { text: `${CHUNKED}0\r\n\r\n`, reads: [["POST", "/v1/chat", ""]] },
  "with a coding in capitals": {
    text: `${POST}TRANSFER-ENCODING:\tChunked \r\n\r\n1\r\nx\r\n0\r\n\r\n`,
    reads: [["POST", "/v1/chat", "x"]],
  },
  "with a body that looks like a request": {
    text: `${POST}Content-Length: 36\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n1234`,
    reads: [["POST", "/v1/chat", "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n1234"]],
  },
  "several at once": {
    text: `GET /1 HTTP/1.1\r\nHost: a\r\n\r\n${POST}Content-Length: 2\r\n\r\nok${CHUNKED}1\r\nx\r\n0\r\n\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n`,
    reads: [
      ["GET", "/1", ""],
      ["POST", "/v1/chat", "ok"],
      ["POST", "/v1/chat", "x"],
      ["GET", "/4", ""],
    ],
  },
  "behind line ends too many": {
    text: "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    reads: [["GET", "/", ""]],
  },
  "of HTTP/1.0": {
    text: "GET / HTTP/1.0\r\n\r\n",
    reads: [["GET", "/", ""]],
    head: { isReusable: false, isHttp10: true },
  },
  "of HTTP/1.0 that is to be kept": {
    text: "POST / HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx",
    reads: [["POST", "/", "x"]],
    head: { isReusable: true, isHttp10: true, expectsContinue: false },
  },
  "that is the last": {
    text: "GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, Close\r\n\r\n",
    reads: [["GET", "/", ""]],
    head: { isReusable: false },
  },
  "that waits for a word": {
    text: `${POST}Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx`,
    reads: [["POST", "/v1/chat", "x"]],
    head: { expectsContinue: true },
  },
  "that would rather speak HTTP/2": {
    text: "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
    reads: [["GET", "/", ""]],
    head: { isReusable: true },
  },
  "with its whole URL": {
    text: "GET HTTP://gateway:80/v1/models?x=1 HTTP/1.1\r\nHost: gateway\r\n\r\n",
    reads: [["GET", "/v1/models?x=1", ""]],
  },
  "with a URL that has no path": {
    text: "GET http://gateway?x=1 HTTP/1.1\r\nHost: gateway\r\n\r\n",
    reads: [["GET", "/?x=1", ""]],
  },
  "about the server": {
    text: "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
    reads: [["OPTIONS", "*", ""]],
  },
};

describe.each(Object.entries(good))("a request %s", (_, { text, reads, head }) => {
  const expectRead = (requests: readonly Read[]) => {
    expect(requests.map((read) => [read.head.method, read.head.target, read.body])).toEqual(
      reads.map((read) => [...read]),
    );
    expect(requests.every(({ isComplete }) => isComplete)).toBe(true);
    if (head) expect(requests[0]?.head).toMatchObject(head);
  };

  test("is read however its bytes are split", () => {
    expectRead(readWhole(text));
    for (let first = 1; first < text.length; first += 1) {
      const { requests, push } = createReader();
      push(text.slice(0, first));
      push(text.slice(first));
      expectRead(requests);
    }
  });

  test("is read a byte at a time, and is complete with its last byte", () => {
    const { requests, parser, push } = createReader();
    for (const [index, byte] of Array.from(text).entries()) {
      push(byte);
      const isLast = index === text.length - 1;
      const complete = requests.filter(({ isComplete }) => isComplete).length;
      if (isLast) expect(complete).toBe(reads.length);
      else expect(complete).toBeLessThan(reads.length);
    }
    expect(parser.isBetween).toBe(true);
    expectRead(requests);
  });
});

test("headers are found in any case, and lose their space but no letter", () => {
  const [read] = readWhole(
    lines(
      "GET / HTTP/1.1",
      "hOST:a",
      "X-Name: \t Zo\xc3\xab voil\xc3\xa0 \t",
      "X-Two: 1",
      "x-two: 2",
      "X-Empty:",
      "",
      "",
    ),
  );
  const { headers } = read?.head ?? {};
  expect(headers?.get("Host")).toBe("a");
  expect(headers?.get("x-name")).toBe("Zo\xc3\xab voil\xc3\xa0");
  expect(headers?.get("x-two")).toBe("1, 2");
  expect(headers?.get("x-empty")).toBe("");
  expect(headers?.get("two")).toBeNull();
});

test("between requests is where nothing of one has come, or all", () => {
  const { parser } = createReader();
  expect(parser.isBetween).toBe(true);
  parser.push(Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n"));
  expect(parser.isBetween).toBe(false);
  parser.push(Buffer.from("Content-Length: 2\r\n\r\n"));
  expect(parser.isBetween).toBe(false);
  parser.push(Buffer.from("ok"));
  expect(parser.isBetween).toBe(true);
});

/** Each is refused, because another server could take its end, or the end of one of its lines, for another. */
const malformed: Readonly<Record<string, string>> = {
  "HTTP/0.9": "GET /\r\n\r\n",
  "HTTP/1.2": "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
  "HTTP/2's preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "http in small letters": "GET / http/1.1\r\nHost: a\r\n\r\n",
  "TLS on a port without": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
  "a target with a space": "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
  "two spaces before the target": "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
  "a space behind the request line": "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
  "a space before the request line": " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "a method that is no word": "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
  "a target that is no path": "GET v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
  "a tunnel": "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
  "another scheme": "GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
  "a target beyond ASCII": "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
  "no host": "GET / HTTP/1.1\r\n\r\n",
  "two hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
  "a host that is a list": "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
  "a host with a path": "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
  "a host with a user": "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
  "a lone line feed before the request": "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "a lone line feed behind the request line": "GET / HTTP/1.1\nHost: a\r\n\r\n",
  "a lone line feed in a header": `${POST}X: 1\nContent-Length: 5\r\n\r\nhello`,
  "a lone carriage return in a header": `${POST}X: 1\rContent-Length: 5\r\n\r\nhello`,
  "a lone carriage return at a header's end": `${POST}X: 1\r\r\nContent-Length: 5\r\n\r\nhello`,
  "a lone carriage return at the head's end": `${POST}Content-Length: 5\r\r\n\r\nhello`,
  "a NUL in a header": `${POST}X: \0\r\n\r\n`,
  "a NUL in a name": `${POST}Content-Length\0: 5\r\n\r\nhello`,
  "a control character in a header": `${POST}X: \x0b\r\n\r\n`,
  "a DEL in a header": `${POST}X: \x7f\r\n\r\n`,
  "a folded header": `${POST}X: 1\r\n 2\r\n\r\n`,
  "a folded header, by a tab": `${POST}Transfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n`,
  "a folded request line": "GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n",
  "a space before a colon": `${POST}Content-Length : 5\r\n\r\nhello`,
  "a tab before a colon": `${POST}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n`,
  "a space within a name": `${POST}Content Length: 5\r\n\r\nhello`,
  "a name beyond ASCII": `${POST}Content-Length\xa0: 5\r\n\r\nhello`,
  "a header without a name": `${POST}: 5\r\n\r\n`,
  "a header without a colon": `${POST}Content-Length\r\n\r\n`,
  "both a length and chunks": `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "both chunks and a length": `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
  "two lengths": `${POST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
  "the same length twice": `${POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
  "a list of lengths": `${POST}Content-Length: 5, 5\r\n\r\nhello`,
  "a negative length": `${POST}Content-Length: -5\r\n\r\n`,
  "a length with a sign": `${POST}Content-Length: +5\r\n\r\nhello`,
  "a length in hexadecimal": `${POST}Content-Length: 0x5\r\n\r\nhello`,
  "a length with a fraction": `${POST}Content-Length: 5.0\r\n\r\nhello`,
  "a length with a space in it": `${POST}Content-Length: 1 0\r\n\r\n0123456789`,
  "a length behind a space that is none": `${POST}Content-Length: \xa05\r\n\r\nhello`,
  "no length": `${POST}Content-Length:\r\n\r\n`,
  "a length beyond counting": `${POST}Content-Length: 18446744073709551621\r\n\r\nhello`,
  "chunks of HTTP/1.0": "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "a coding twice": `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "a coding before chunks": `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  "a coding behind chunks": `${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  "a coding of no name": `${POST}Transfer-Encoding:\r\n\r\n0\r\n\r\n`,
  "a coding nobody knows": `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  "a coding with a parameter": `${POST}Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n`,
  "a coding in quotes": `${POST}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`,
  "a coding behind a space that is none": `${POST}Transfer-Encoding: \xa0chunked\r\n\r\n0\r\n\r\n`,
  "an empty chunk size": `${CHUNKED}\r\nhello\r\n0\r\n\r\n`,
  "a chunk size that is none": `${CHUNKED}x\r\nhello\r\n0\r\n\r\n`,
  "a chunk size with a prefix": `${CHUNKED}0x5\r\nhello\r\n0\r\n\r\n`,
  "a negative chunk size": `${CHUNKED}-5\r\nhello\r\n0\r\n\r\n`,
  "a chunk size with a sign": `${CHUNKED}+5\r\nhello\r\n0\r\n\r\n`,
  "a chunk size behind a space": `${CHUNKED} 5\r\nhello\r\n0\r\n\r\n`,
  "a chunk size before a space": `${CHUNKED}5 \r\nhello\r\n0\r\n\r\n`,
  "a chunk size with a word behind it": `${CHUNKED}5 6\r\nhello\r\n0\r\n\r\n`,
  "a chunk size beyond counting": `${CHUNKED}fffffffffffffffe\r\nhello\r\n`,
  "a chunk size of many noughts": `${CHUNKED}00000000000005\r\nhello\r\n0\r\n\r\n`,
  "a chunk size that ends with a line feed": `${CHUNKED}5\nhello\r\n0\r\n\r\n`,
  "a chunk size that ends with a carriage return": `${CHUNKED}5\rx\r\nhello\r\n0\r\n\r\n`,
  "a chunk's extension with a line feed": `${CHUNKED}5;a\nhello\r\n0\r\n\r\n`,
  "a chunk's extension with a carriage return": `${CHUNKED}5;a\rb\r\nhello\r\n0\r\n\r\n`,
  "a chunk's extension without end": `${CHUNKED}5;${"x".repeat(5_000)}\r\nhello\r\n0\r\n\r\n`,
  "a chunk longer than its size": `${CHUNKED}4\r\nhello\r\n0\r\n\r\n`,
  "a chunk shorter than its size": `${CHUNKED}6\r\nhello\r\n0\r\n\r\n`,
  "a chunk that ends with a line feed": `${CHUNKED}5\r\nhello\n0\r\n\r\n`,
  "a chunk that ends with a carriage return": `${CHUNKED}5\r\nhello\r0\r\n\r\n`,
  "a trailer that ends with a line feed": `${CHUNKED}0\r\nX: 1\n\r\n`,
  "a last line that is a line feed": `${CHUNKED}0\r\n\n`,
  "a trailer with a carriage return": `${CHUNKED}0\r\nX: 1\r\r\n\r\n`,
  "a trailer without end": `${CHUNKED}0\r\n${"x-filler: 0123456789\r\n".repeat(5_000)}`,
};

describe.each(Object.entries(malformed))("%s", (_, text) => {
  test("is no request, whole or a byte at a time", () => {
    const isMalformed = expect.objectContaining({ name: "HttpError", kind: "malformed" });
    expect(() => readWhole(text)).toThrow(isMalformed);
    const { requests, push } = createReader();
    expect(() => {
      for (const byte of text) push(byte);
    }).toThrow(isMalformed);
    expect(requests.filter(({ isComplete }) => isComplete)).toEqual([]);
  });
});

test.each([
  ["without end", `GET / HTTP/1.1\r\nHost: a\r\n${"x-filler: 0123456789abcdef\r\n".repeat(3_000)}`],
  ["with its end", `GET / HTTP/1.1\r\nHost: a\r\n${"x-filler: 0123456789abcdef\r\n".repeat(3_000)}\r\n`],
  ["of one line", `GET /${"a".repeat(70_000)}`],
])("a head %s beyond the bound is too large", (_, text) => {
  const isTooLarge = expect.objectContaining({ kind: "too_large" });
  expect(() => readWhole(text)).toThrow(isTooLarge);
  const { push } = createReader();
  expect(() => {
    for (let at = 0; at < text.length; at += 1_000) push(text.slice(at, at + 1_000));
  }).toThrow(isTooLarge);
});

test("a head of thousands of headers within the bound is read", () => {
  const [read] = readWhole(`GET / HTTP/1.1\r\nHost: a\r\n${"a:\r\n".repeat(16_000)}\r\n`);
  expect(read?.isComplete).toBe(true);
});
