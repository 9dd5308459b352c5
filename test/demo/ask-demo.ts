/** One request to the demo without a socket, and its answer read. */
import type { DemoUpstream } from "#demo/demo-upstream.ts";
import { parseJson, type Json } from "#lib/json.ts";

interface Asked {
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
}

export async function askDemo(
  demo: DemoUpstream,
  path: string,
  asked: Asked = {},
): Promise<{ status: number; text: string; json: Json }> {
  const { body, headers = {}, method = body === undefined ? "GET" : "POST" } = asked;
  const text = typeof body === "object" ? JSON.stringify(body) : body;
  const response = await demo.fetch(
    new Request(`http://demo${path}`, { method, headers, ...(text !== undefined && { body: text }) }),
  );
  const answer = await response.text();
  return { status: response.status, text: answer, json: parseJson(answer) ?? null };
}
