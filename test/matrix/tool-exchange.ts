/** What the conversations of several tests have in common: a question that leads to two calls, and their results. */
import { expect } from "bun:test";
import type { Said, Talker } from "./talker.ts";

/** How many earlier thoughts the upstream says it got back. */
export function thoughtsSeen({ text }: Said): number {
  return Number(/^I thought about it\. (\d+) of my earlier thoughts/.exec(text)?.[1]);
}

/** A question, the calls it leads to, their results, and the answer. */
export async function exchange(talker: Talker, model: string, name: string): Promise<readonly [Said, Said]> {
  const asked = await talker.say(`question ${name}`, model);
  expect(asked.calls.map((call) => call.name)).toEqual(["weather", "clock"]);
  expect(new Set(asked.calls.map((call) => call.id)).size).toBe(2);
  const answered = await talker.answerCalls([`sun ${name}`, `noon ${name}`], model);
  expect(answered.text).toContain(`Result 1: "sun ${name}" Result 2: "noon ${name}"`);
  return [asked, answered];
}
