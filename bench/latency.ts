/**
 * One request at a time over one connection each, one after the other as a client asks that has nothing else to do. The
 * contenders take turns, so that noise meets all alike; turns of many requests, because the first of each finds what the
 * contenders before it left of the processor's caches.
 */
import type { Socket } from "bun";
import type { Contender } from "./contenders.ts";
import { pinMainThread } from "./pin.ts";
import { requestFor, toHttp } from "./request-text.ts";

const WARM_UP = 100;

/** Milliseconds of each request of a turn, per contender, in the order given. */
export async function measureLatency(
  contenders: readonly Contender[],
  requests: number,
): Promise<readonly (readonly number[])[]> {
  const times: (readonly number[])[] = [];
  for (const contender of contenders) {
    using line = await openLine(contender);
    await askInARow(line, WARM_UP);
    times.push(await askInARow(line, requests));
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

/**
 * While this is not disposed, the client, the provider and whoever stands between them share a processor: their main threads,
 * the others run where they like. So no way is longer for a processor that has to be woken, which takes as long as passing a
 * request on, and which the scheduler spares some and not others.
 */
export function shareProcessor(contenders: readonly Contender[]): Disposable {
  using stack = new DisposableStack();
  stack.use(pinMainThread(process.pid));
  for (const { child } of contenders) stack.use(child.pin());
  return stack.move();
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
