/** The one request everybody gets: Chat Completions, about 1 KB of JSON. */
import type { Contender, Lane } from "./contenders.ts";

const PROMPT_CHARS = 850;
const PATH = "/v1/chat/completions";

export interface RequestText {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function requestFor({ headers, model }: Contender, lane: Lane): RequestText {
  const isStream = !lane.startsWith("whole");
  const prompt = "Tell me something long about benchmarks. ".repeat(100).slice(0, PROMPT_CHARS);
  return {
    path: PATH,
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({
      model: model(lane),
      max_tokens: 10_000,
      temperature: 0.5,
      ...(isStream && { stream: true, stream_options: { include_usage: true } }),
      messages: [
        { role: "system", content: "You are a helpful assistant." },
        { role: "user", content: prompt },
      ],
    }),
  };
}

/** As it goes over the wire. */
export function toHttp({ path, headers, body }: RequestText): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${lines.join("\r\n")}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
