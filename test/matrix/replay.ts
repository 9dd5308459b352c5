/**
 * Every recorded answer of every upstream API, through our decoder and each client's encoder, to that client's official
 * SDK: whole, streamed, and cut off in the middle. One `Cell` is one recording seen by one client.
 */
import { isDeepStrictEqual } from "node:util";
import { SseReader } from "#lib/sse.ts";
import type { ProtocolName } from "#model/chat.ts";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure } from "#model/failure.ts";
import { foldReply } from "#model/reply.ts";
import type { Dialect, Host } from "#protocols/protocol.ts";
import { readRecordings, type Recording } from "../recording.ts";
import { checkStream } from "./check-stream.ts";
import { expectedReading, type ChoiceReading, type Reading } from "./reading.ts";
import { apis, askingChat, decodeChunks, encodeStream, envelopeOf, rooms } from "./rooms.ts";
import { readWithSdk } from "./sdk-reading.ts";

export interface Cell {
  readonly upstream: ProtocolName;
  readonly client: ProtocolName;
  readonly recording: string;
  readonly features: readonly string[];
  /** What differed or was wrong, by form. Empty: all three forms hold. */
  readonly problems: readonly string[];
}

/** Recordings that hold an answer: not a refusal, and read whole or as a stream. */
export function recordedAnswers(api: ProtocolName): readonly Recording[] {
  return readRecordings(api).filter(({ response }) => response.status === 200 && !isErrorBody(response.body));
}

function isErrorBody(body: Recording["response"]["body"]): boolean {
  return body !== undefined && body["error"] !== undefined && body["error"] !== null;
}

export async function replay(
  upstream: ProtocolName,
  client: ProtocolName,
  recording: Recording,
): Promise<Cell> {
  const events = decodeRecording(upstream, recording);
  const problems = isBroken(events)
    ? await problemsOfBroken(client, events)
    : [...(await problemsOfComplete(client, events)), ...(await problemsOfCut(upstream, client, recording))];
  return { upstream, client, recording: recording.id, features: recording.features, problems };
}

function dialectFor(api: ProtocolName, { provider, model }: Recording): Dialect {
  return { model, vendor: "unknown", route: provider, host: hostOf(api, provider) };
}

function hostOf(api: ProtocolName, provider: string): Host {
  if (api === "gemini") return provider === "google-vertex" ? "vertex" : "aistudio";
  if (provider === "openai" || provider === "openrouter" || provider === "anthropic") return provider;
  return "compatible";
}

function decodeRecording(api: ProtocolName, recording: Recording): readonly ChatEvent[] {
  const { sse, raw, body } = recording.response;
  const dialect = dialectFor(api, recording);
  if (sse !== undefined) return decodeChunks(api, [new TextEncoder().encode(sse)], dialect);
  return rooms[api].upstream.decodeReply(raw === undefined ? body : JSON.parse(raw), dialect);
}

const isBroken = (events: readonly ChatEvent[]) => events.at(-1)?.type === "error";

/** The recorded stream itself ends in an error: the client's ends in one too, and its SDK raises. */
function problemsOfBroken(client: ProtocolName, events: readonly ChatEvent[]): Promise<readonly string[]> {
  return mustRaise("broken", client, encodeStream(client, events));
}

async function problemsOfComplete(
  client: ProtocolName,
  events: readonly ChatEvent[],
): Promise<readonly string[]> {
  const reply = foldReply(events);
  const expected = expectedReading(reply, client);
  const whole = await readWithSdk(client, {
    whole: rooms[client].client.encodeReply(reply, envelopeOf(askingChat(client))),
  });
  const stream = encodeStream(client, events);
  const ending = checkStream(client, stream);
  const streamed = await readWithSdk(client, { stream });
  return [
    ...differences("whole", whole, expected, client),
    ...differences("streamed", streamed, expected, client),
    ...(ending === "end" ? [] : ["streamed: ends in an error"]),
  ];
}

/** The upstream's connection ends halfway: no proper end for the client, in no API. */
function problemsOfCut(
  upstream: ProtocolName,
  client: ProtocolName,
  recording: Recording,
): Promise<readonly string[]> {
  return mustRaise("cut", client, encodeStream(client, cutInHalf(upstream, recording)));
}

function cutInHalf(api: ProtocolName, recording: Recording): readonly ChatEvent[] {
  const { sse } = recording.response;
  const dialect = dialectFor(api, recording);
  if (sse === undefined) {
    const events = decodeRecording(api, recording);
    const content = events.slice(
      0,
      events.findIndex(({ type }) => type === "finish"),
    );
    const failure = new Failure("upstream_broken", "The upstream's connection broke in mid-answer.");
    return [...content.slice(0, Math.ceil(content.length / 2)), { type: "error", failure }];
  }
  const frames = new SseReader().push(new TextEncoder().encode(sse.endsWith("\n\n") ? sse : `${sse}\n\n`));
  const decoder = rooms[api].upstream.createStreamDecoder(dialect);
  const finishAt = frames.findIndex((frame) => decoder.push(frame).some(({ type }) => type === "finish"));
  const half = frames.slice(0, Math.max(1, Math.floor(finishAt / 2)));
  const text = finishAt <= 0 ? "" : half.map(({ raw }) => raw).join("");
  return decodeChunks(api, [new TextEncoder().encode(text)], dialect);
}

async function mustRaise(form: string, client: ProtocolName, stream: string): Promise<readonly string[]> {
  if (checkStream(client, stream) !== "error") return [`${form}: the stream has a proper end`];
  try {
    await readWithSdk(client, { stream });
  } catch (error) {
    return error instanceof Error ? [] : [`${form}: the SDK threw no error`];
  }
  return [`${form}: the SDK takes a broken stream for an answer`];
}

const fields = [
  "text",
  "reasoning",
  "refusal",
  "calls",
  "code",
  "media",
  "blobs",
  "urls",
  "finish",
] as const satisfies readonly (keyof ChoiceReading)[];

function differences(
  form: string,
  seen: Reading,
  expected: Reading,
  client: ProtocolName,
): readonly string[] {
  const problems: string[] = [];
  for (const [index, choice] of expected.choices.entries()) {
    const read = seen.choices[index];
    for (const field of fields) {
      if (!isDeepStrictEqual(read?.[field], choice[field])) {
        problems.push(`${form}: ${field} is ${show(read?.[field])}, not ${show(choice[field])}`);
      }
    }
  }
  if (seen.choices.length !== expected.choices.length) {
    problems.push(`${form}: ${seen.choices.length} choices, not ${expected.choices.length}`);
  }
  // Messages has no way to say that nobody counted.
  const isUncounted = Object.keys(expected.usage).length === 0 && client === "anthropic-messages";
  if (!isUncounted && !isDeepStrictEqual(seen.usage, expected.usage)) {
    problems.push(`${form}: usage is ${show(seen.usage)}, not ${show(expected.usage)}`);
  }
  return problems;
}

const show = (value: unknown) => (JSON.stringify(value) ?? "absent").slice(0, 300);

/** All cells of the matrix, pair by pair. */
export async function replayAll(): Promise<readonly Cell[]> {
  const cells: Cell[] = [];
  for (const upstream of apis) {
    for (const recording of recordedAnswers(upstream)) {
      for (const client of apis) cells.push(await replay(upstream, client, recording));
    }
  }
  return cells;
}
