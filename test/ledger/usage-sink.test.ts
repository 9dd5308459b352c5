import { expect, test } from "bun:test";
import { insertSparing } from "#ledger/usage-sink.ts";
import { Failure } from "#model/failure.ts";
import { encodeUsage, recordsOf } from "#store/usage-text.ts";
import { row } from "./rows.ts";

const refused = () => new Failure("internal", "The database refused a statement.", { code: "store_refused" });
const away = () => new Failure("unavailable", "The database is away.", { code: "store_unavailable" });
const texts = [encodeUsage([row("r1"), row("r2")]), encodeUsage([row("r3")])];

const cases = [
  { name: "takes a batch at once where nothing is wrong with it", answers: [], calls: [3] },
  {
    name: "finds the one row that is refused",
    answers: [refused(), undefined, refused()],
    calls: [3, 1, 1, 1],
    left: ["r2"],
  },
  {
    name: "waits rather than sets aside when the database goes away",
    answers: [away()],
    calls: [3],
    throws: "unavailable",
  },
  {
    name: "does so too between single rows",
    answers: [refused(), undefined, away()],
    calls: [3, 1, 1],
    throws: "unavailable",
  },
  {
    name: "sets aside a row that breaks before it reaches the database, not those behind it",
    answers: [new TypeError("a bug"), new TypeError("a bug")],
    calls: [3, 1, 1, 1],
    left: ["r1"],
  },
];

for (const { name, answers, calls, left = [], throws } of cases) {
  test(name, async () => {
    const script = [...answers];
    const made: number[] = [];
    const sink = {
      async insert(given: readonly string[]) {
        made.push(recordsOf(given).length);
        const error = script.shift();
        if (error !== undefined) throw error;
      },
    };
    const outcome = await insertSparing(sink, texts).then(
      (rest) => rest.map(({ record }) => record.id),
      (error: unknown) => (error instanceof Failure ? error.kind : String(error).split(":")[0]),
    );
    expect(outcome).toEqual(throws ?? left);
    expect(made).toEqual(calls);
  });
}
