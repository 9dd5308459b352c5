/** An upstream that answers what a test says, and remembers what it was asked. */
import { asObject, parseJson, type JsonObject } from "#lib/json.ts";

export interface ScriptedUpstream {
  readonly url: string;
  /** Bodies as they came, oldest first. */
  readonly asked: JsonObject[];
  answer: (body: JsonObject, path: string) => Response | Promise<Response>;
  stop(): Promise<void>;
}

export function startScriptedUpstream(): ScriptedUpstream {
  const asked: JsonObject[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const body = asObject(parseJson(await request.text())) ?? {};
      asked.push(body);
      return upstream.answer(body, new URL(request.url).pathname);
    },
  });
  const upstream: ScriptedUpstream = {
    url: `http://127.0.0.1:${server.port}`,
    asked,
    answer: plainAnswer,
    stop: () => server.stop(true),
  };
  return upstream;
}

/** Chat Completions are answered, other APIs refused: whoever asks them only wants to see what was sent. */
export function plainAnswer(_: JsonObject, path: string): Response {
  return path.endsWith("/chat/completions") ? chatAnswer({}) : Response.json({}, { status: 400 });
}

/** A whole Chat Completions answer. */
export function chatAnswer(usage: JsonObject, content = "hello"): Response {
  return Response.json({
    id: "x",
    object: "chat.completion",
    created: 1,
    model: "c1",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7, ...usage },
  });
}
