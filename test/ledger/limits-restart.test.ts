/** Limits and budgets outlive the process that counted them: the ledger is their memory (P15, P16, P22). */
import { expect, test } from "bun:test";
import { openJournal } from "#ledger/journal.ts";
import { createSpentReader } from "#ledger/read-spent.ts";
import { createWriter } from "#ledger/writer.ts";
import { VirtualClock } from "#lib/virtual-clock.ts";
import { createLimiter } from "#limits/limiter.ts";
import type { Caller } from "#model/caller.ts";
import { Failure } from "#model/failure.ts";
import { openLedgerFixture, rejectionOf, type LedgerFixture } from "./ledger-fixture.ts";
import { admission, CREATED_AT_MS, row } from "./rows.ts";

const caller: Caller = {
  keyId: "key-1",
  tenantId: "tenant-1",
  keyPrefix: "XJP_ab12cd",
  limits: { requestsPerDay: 6, budget: { limitNanoUsd: 100n, period: "day" } },
};

function startProcess(fixture: LedgerFixture) {
  const clock = new VirtualClock(CREATED_AT_MS);
  const journal = openJournal(fixture.journalFolder, { clock });
  const writer = createWriter(journal, fixture.sink, { clock });
  const limiter = createLimiter({ clock, restore: createSpentReader(writer, fixture.store) });
  return { clock, journal, limiter };
}

/** What the request path does, in its order. */
async function request(process: ReturnType<typeof startProcess>, id: string, costNanoUsd: number) {
  const { clock, journal, limiter } = process;
  using admitted = await limiter.admit(caller, clock.nowMs());
  journal.admitted(admission(id));
  admitted.reserve({ tokens: 1, costNanoUsd: 40 }, clock.nowMs());
  journal.settle([{ ...row(id), costNanoUsd }]);
  admitted.settle({ tokens: 1, costNanoUsd }, clock.nowMs());
}

test("a killed process's requests and money still count in the next, to the last unit", async () => {
  await using fixture = await openLedgerFixture();
  const first = startProcess(fixture);
  await request(first, "r1", 10);
  await request(first, "r2", 25);
  const dying = await first.limiter.admit(caller, first.clock.nowMs());
  dying.reserve({ tokens: 1, costNanoUsd: 60 }, first.clock.nowMs());
  first.journal.admitted(admission("r3"));
  expect(first.limiter.peek("key-1", CREATED_AT_MS)).toEqual({
    inFlight: 1,
    remainingRequestsToday: 3,
    spentNanoUsd: 35n,
    heldNanoUsd: 60n,
  });
  first.journal.close();

  const second = startProcess(fixture);
  await request(second, "r4", 40);
  expect(second.limiter.peek("key-1", CREATED_AT_MS)).toEqual({
    inFlight: 0,
    remainingRequestsToday: 2,
    spentNanoUsd: 75n,
    heldNanoUsd: 0n,
  });
  const failure = await rejectionOf(request(second, "r5", 1));
  expect(failure instanceof Failure && [failure.kind, failure.detail.retryAfterMs]).toEqual([
    "over_budget",
    12 * 3_600_000,
  ]);
  await second.clock.advance(12 * 3_600_000);
  await request(second, "r6", 1);
  second.journal.close();
});

test("a key whose sums cannot be read is refused as unavailable, and one already known goes on", async () => {
  await using fixture = await openLedgerFixture();
  const running = startProcess(fixture);
  await request(running, "r1", 10);
  fixture.faults.isDown = true;
  await request(running, "r2", 10);
  expect(running.journal.backlog.records).toBeGreaterThan(0);
  const stranger = { ...caller, keyId: "key-2" };
  expect(await rejectionOf(Promise.resolve(running.limiter.admit(stranger, CREATED_AT_MS)))).toMatchObject({
    kind: "unavailable",
  });
  fixture.faults.isDown = false;
  (await running.limiter.admit(stranger, CREATED_AT_MS))[Symbol.dispose]();
  expect((await fixture.rows()).map(({ id }) => id)).toEqual(["r1", "r2"]);
  running.journal.close();
});
