/**
 * One request at a time over one connection each, one after the other as a client asks that has nothing else to do. The
 * contenders take turns of some requests each, so that noise meets all alike.
 */
import type { Socket } from "bun";
import type { Contender } from "./contenders.ts";
import { requestFor, toHttp } from "./request-text.ts";

const WARM_UP = 300;
/** In turns of one, each request would find what the contenders before it left of the processor's caches. */
export const LATENCY_TURN = 50;

/** Milliseconds of each request, per contender, in the order given. */
export async function measureLatency(
  contenders: readonly Contender[],
  requests: number,
): Promise<readonly (readonly number[])[]> {
  using stack = new DisposableStack();
  const lines = await Promise.all(contenders.map(openLine));
  for (const line of lines) stack.use(line);
  const times = contenders.map((): number[] => []);
  for (let asked = 0; asked < requests + WARM_UP; asked += LATENCY_TURN) {
    for (const [index, line] of lines.entries()) {
      const turn = await askInARow(line, LATENCY_TURN);
      if (asked >= WARM_UP) times[index]?.push(...turn);
    }
  }
  return times;
}

async function askInARow(line: Line, count: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let asked = 0; asked < count; asked += 1) {
    const startMs = performance.now();
    await line.ask();
    times.push(performance.now() - startMs);
  }
  return times;
}

interface Line extends Disposable {
  ask(): Promise<void>;
}

interface Reading {
  text: string;
  done: (() => void) | undefined;
}

async function openLine(contender: Contender): Promise<Line> {
  const request = toHttp(requestFor(contender, "whole"));
  const socket: Socket<Reading> = await Bun.connect<Reading>({
    hostname: "127.0.0.1",
    port: contender.child.port,
    data: { text: "", done: undefined },
    socket: {
      data({ data }, bytes) {
        data.text += bytes.toString("latin1");
        if (!isWhole(data.text)) return;
        const { done, text } = data;
        data.text = "";
        if (!text.startsWith("HTTP/1.1 200"))
          throw new Error(`${contender.child.name}: ${text.slice(0, 300)}`);
        done?.();
      },
    },
  });
  return {
    ask() {
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.data.done = resolve;
      socket.write(request);
      return promise;
    },
    [Symbol.dispose]: () => socket.terminate(),
  };
}

function isWhole(text: string): boolean {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, headEnd + 2))?.[1];
  return length === undefined ? text.endsWith("\r\n0\r\n\r\n") : text.length >= headEnd + 4 + Number(length);
}
