/** A TCP server whose every byte a test decides: what real HTTP servers do not do on purpose. */
import type { Socket } from "bun";
import { until } from "../gateway/until.ts";

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Connections so far. */
  readonly connections: number;
  /** Those still open. */
  readonly open: number;
  /** Everything received, by connection, in their order. */
  readonly received: readonly string[];
}

interface Peer {
  readonly index: number;
  requests: number;
}

/** Called with what came on a connection so far that was not yet answered. `nth`: answers given on it before. */
export type Script = (socket: Socket<Peer>, text: string, nth: number) => unknown;

/** `script` is called for each complete head; a body may come in later pieces. */
export function startScriptedServer(script: Script): ScriptedServer {
  const received: string[] = [];
  let open = 0;
  const server = Bun.listen<Peer>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { index: received.length, requests: 0 };
        received.push("");
        open += 1;
      },
      data(socket, bytes) {
        const text = bytes.toString();
        received[socket.data.index] += text;
        if (!text.includes("\r\n\r\n")) return;
        script(socket, text, socket.data.requests);
        socket.data.requests += 1;
      },
      close() {
        open -= 1;
      },
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port,
    get connections() {
      return received.length;
    },
    get open() {
      return open;
    },
    received,
    async [Symbol.asyncDispose]() {
      server.stop(true);
    },
  };
}

/** Waits until so many of its connections are open. */
export async function openConnections(server: ScriptedServer, count: number): Promise<void> {
  await until(`${count} open connections`, () => server.open === count || undefined);
}

/** A whole answer with its length. */
export function answer(body: string, ...headers: readonly string[]): string {
  const lines = ["HTTP/1.1 200 OK", `Content-Length: ${Buffer.byteLength(body)}`, ...headers];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
