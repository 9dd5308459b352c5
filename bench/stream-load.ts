/**
 * Open streams, read over bare sockets. They begin spread over one pause of the provider, so that each chunk comes by
 * itself: chunks that arrive together are cheaper for everybody.
 */
import type { Socket } from "bun";
import type { Contender, Lane } from "./contenders.ts";
import { requestFor, toHttp } from "./request-text.ts";

export interface OpenStreams extends Disposable {
  /** Events received so far, all streams together. */
  readonly events: number;
  /** Streams that have received at least one event and not ended. */
  readonly living: number;
}

interface Stream {
  events: number;
  isEnded: boolean;
}

const SPREAD_MS = 20;

export async function openStreams(
  contender: Contender,
  { lane, count }: { readonly lane: Lane; readonly count: number },
): Promise<OpenStreams> {
  const request = toHttp(requestFor(contender, lane));
  const streams: Stream[] = [];
  const sockets: Socket<Stream>[] = [];
  for (let index = 0; index < count; index += 1) {
    const stream: Stream = { events: 0, isEnded: false };
    streams.push(stream);
    sockets.push(
      await Bun.connect<Stream>({
        hostname: "127.0.0.1",
        port: contender.child.port,
        data: stream,
        socket: { data: (socket, bytes) => void (socket.data.events += countEvents(bytes)), close: end },
      }),
    );
    sockets.at(-1)?.write(request);
    await Bun.sleep(SPREAD_MS / 32 + (index % 7) / 2);
  }
  return {
    get events() {
      return streams.reduce((sum, stream) => sum + stream.events, 0);
    },
    get living() {
      return streams.filter((stream) => stream.events > 0 && !stream.isEnded).length;
    },
    [Symbol.dispose]() {
      for (const socket of sockets) socket.terminate();
    },
  };
}

export interface StreamLoad {
  readonly processorUs: number;
  readonly eventsPerSecond: number;
}

const CONNECTIONS = 32;
const SETTLE_MS = 1_000;

/** Processor time of one chunk in the middle of streams; their beginnings and ends are not in it. */
export async function loadStreams(
  contender: Contender,
  { lane, seconds }: { readonly lane: Lane; readonly seconds: number },
): Promise<StreamLoad> {
  const { child } = contender;
  using streams = await openStreams(contender, { lane, count: CONNECTIONS });
  await Bun.sleep(SETTLE_MS);
  const [eventsBefore, beforeNs] = [streams.events, child.processorNs()];
  await Bun.sleep(seconds * 1000);
  const [events, processorNs] = [streams.events - eventsBefore, child.processorNs() - beforeNs];
  if (streams.living < CONNECTIONS) {
    throw new Error(`${child.name}: only ${streams.living} of ${CONNECTIONS} ${lane} streams lived`);
  }
  return { processorUs: processorNs / events / 1000, eventsPerSecond: events / seconds };
}

const MARK = Buffer.from("data:");

function countEvents(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + MARK.length)) count += 1;
  return count;
}

function end(socket: Socket<Stream>): void {
  socket.data.isEnded = true;
}
