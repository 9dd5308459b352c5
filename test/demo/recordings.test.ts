/**
 * Requests that real providers accepted, put to the demo: it may be strict only where they are. And those they refused
 * for their form it must not crash on.
 */
import { describe, expect, test } from "bun:test";
import { createDemoUpstream } from "#demo/demo-upstream.ts";
import { type Recording, readOtherRecordings, readRecordings } from "../recording.ts";

const demo = createDemoUpstream();

const PATHS: Readonly<Record<string, (recording: Recording) => string>> = {
  "openai-chat": (recording) =>
    recording.provider === "openrouter" ? "/api/v1/chat/completions" : "/v1/chat/completions",
  "openai-responses": (recording) =>
    recording.provider === "openrouter" ? "/api/v1/responses" : "/v1/responses",
  "anthropic-messages": () => "/v1/messages",
  gemini: (recording) => {
    const method = recording.stream ? "streamGenerateContent?alt=sse" : "generateContent";
    return recording.provider === "google-vertex"
      ? `/v1/projects/p/locations/l/publishers/google/models/demo:${method}`
      : `/v1beta/models/demo:${method}`;
  },
};

async function put(recording: Recording): Promise<{ status: number; text: string }> {
  const path = PATHS[recording.protocol]?.(recording) ?? "/";
  const model = recording.protocol === "gemini" ? {} : { model: "demo" };
  const body = JSON.stringify({ ...recording.request?.body, ...model });
  const response = await demo.fetch(new Request(`http://demo${path}`, { method: "POST", body }));
  return { status: response.status, text: await response.text() };
}

/** State the demo does not keep: earlier responses, stored items, uploaded conversations. */
function needsState(recording: Recording): boolean {
  const text = JSON.stringify(recording.request?.body);
  return /"previous_response_id":"|"item_reference"|"conversation":/.test(text);
}

describe.each(Object.keys(PATHS))("%s", (protocol) => {
  const recordings = readRecordings(protocol).filter((recording) => recording.request !== null);
  const accepted = recordings.filter((each) => each.response.status === 200 && !needsState(each));

  test("there is something to put", () => {
    expect(accepted.length).toBeGreaterThan(30);
  });

  test.each(accepted.map((recording) => [recording.id, recording] as const))(
    "%s is accepted",
    async (_, recording) => {
      const { status, text } = await put(recording);
      expect({ status, text: status === 200 ? "" : text }).toEqual({ status: 200, text: "" });
    },
  );

  test("requests the provider refused get an answer, never a crash", async () => {
    for (const recording of recordings.filter((each) => each.response.status >= 400)) {
      expect((await put(recording)).status).toBeLessThan(500);
    }
  });
});

test("recorded embeddings and counts are answered", async () => {
  const rows = readOtherRecordings().filter(
    (each) => each.request?.method === "POST" && each.response.status === 200 && !needsState(each),
  );
  expect(rows.length).toBeGreaterThan(3);
  for (const recording of rows) {
    const path =
      recording.request?.path.replace(/^.*?(\/v1)/, "$1").replace(/models\/[^/:]+:/, "models/demo:") ?? "";
    const body = JSON.stringify({
      ...recording.request?.body,
      ...(recording.request?.body.model && { model: "demo" }),
    });
    const response = await demo.fetch(new Request(`http://demo${path}`, { method: "POST", body }));
    expect([path, response.status, await response.text()]).toEqual([path, 200, expect.any(String)]);
  }
});
