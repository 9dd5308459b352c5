/** A Responses stream tells the whole text once more at its end, so what it holds of an answer is bounded. */
import { expect, test } from "bun:test";
import type { ChatEvent } from "#model/chat-event.ts";
import { Failure, toFailure } from "#model/failure.ts";
import { openaiResponses } from "#protocols/openai-responses/openai-responses.ts";
import { envelope } from "./openai-responses-fixture.ts";

test("an answer too large to hold is refused, and the stream can still say so", () => {
  const encoder = openaiResponses.client.createStreamEncoder(envelope());
  const begin: readonly ChatEvent[] = [
    { type: "start", id: "a" },
    { type: "part_start", choice: 0, part: { type: "text" } },
  ];
  for (const event of begin) encoder.push(event);
  const text = "x".repeat(1024 * 1024);
  const push = () => encoder.push({ type: "delta", choice: 0, text });
  for (let pieces = 0; pieces < 64; pieces += 1) push();
  expect(push).toThrow(Failure);
  const failure = new Failure("upstream_broken", "Too large.");
  expect(encoder.push({ type: "error", failure: toFailure(failure) })).toContain('"response.failed"');
});
