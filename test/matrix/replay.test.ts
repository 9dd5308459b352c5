/** Sixteen pairs over real traffic: what an upstream said is what the official SDK of any client API reads (P1, P8, P12, P14). */
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { translationPage } from "../golden/translation-page.ts";
import { recordedAnswers, replay, type Cell } from "./replay.ts";
import { apis } from "./rooms.ts";

const cells: Cell[] = [];

describe.each(apis)("a recorded answer of %s", (upstream) => {
  test.each(recordedAnswers(upstream).map((recording) => [recording.id, recording] as const))(
    "reads the same to clients of all four APIs: %s",
    async (_, recording) => {
      for (const client of apis) cells.push(await replay(upstream, client, recording));
      const wrong = cells.filter((cell) => cell.recording === recording.id && cell.problems.length > 0);
      expect(wrong.map(({ client, problems }) => ({ client, problems }))).toEqual([]);
    },
  );
});

test("docs/translation.md says what the code does; `node scripts/translation.mjs` writes it", () => {
  const page = readFileSync(join(import.meta.dir, "..", "..", "docs", "translation.md"), "utf8");
  expect(page).toBe(translationPage(cells));
});

afterAll(() => {
  const rows = apis.flatMap((upstream) =>
    apis.map((client) => {
      const ofPair = cells.filter((cell) => cell.upstream === upstream && cell.client === client);
      const held = ofPair.filter(({ problems }) => problems.length === 0);
      const features = new Set(held.flatMap((cell) => cell.features));
      return { upstream, client, recordings: ofPair.length, held: held.length, features: features.size };
    }),
  );
  console.table(rows);
});
