/** One request over a bare socket, and exactly what came back: the only way to see resets, silences and chunk borders. */
import { connect } from "node:net";

export interface RawAnswer {
  /** All bytes received, headers and chunk framing included. */
  readonly text: string;
  /** How the connection ended: the server's clean end, its reset, or our own leaving. */
  readonly end: "closed" | "reset" | "left";
}

interface RawRequest {
  readonly port: number;
  readonly path: string;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Leave as soon as this was received. "" leaves as soon as the request is sent. */
  readonly leaveAt?: string;
}

export function sendRaw(request: RawRequest): Promise<RawAnswer> {
  const { promise, resolve } = Promise.withResolvers<RawAnswer>();
  const body = JSON.stringify(request.body);
  const headers = {
    host: "demo",
    "content-length": Buffer.byteLength(body),
    connection: "close",
    ...request.headers,
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = connect(request.port, "127.0.0.1");
  let text = "";
  let end: RawAnswer["end"] = "closed";
  const leaveWhenDue = () => {
    if (request.leaveAt === undefined || !text.includes(request.leaveAt)) return;
    end = "left";
    socket.destroy();
  };
  socket.on("data", (data) => {
    text += data.toString("latin1");
    leaveWhenDue();
  });
  socket.on("error", () => {
    end = "reset";
  });
  socket.on("close", () => resolve({ text, end }));
  socket.write(`POST ${request.path} HTTP/1.1\r\n${head.join("")}\r\n${body}`, leaveWhenDue);
  return promise;
}

/** The body of an answer without its chunk framing; what a broken answer had so far. */
export function bodyOf(answer: RawAnswer): string {
  const [head = "", ...rest] = answer.text.split("\r\n\r\n");
  const body = rest.join("\r\n\r\n");
  if (!/transfer-encoding: chunked/i.test(head)) return body;
  let joined = "";
  let at = 0;
  for (;;) {
    const lineEnd = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.slice(at, lineEnd), 16);
    if (lineEnd < 0 || !(size > 0)) return joined;
    joined += body.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}

export function statusOf(answer: RawAnswer): number {
  return Number(answer.text.split(" ")[1]);
}
