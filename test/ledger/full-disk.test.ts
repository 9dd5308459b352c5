/** A disk that takes half a line: the request is told so, and the half is no trap for whoever reads the journal. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Damage } from "#ledger/read-lines.ts";
import { recoverDead } from "#ledger/recover.ts";
import { openLedgerFixture } from "./ledger-fixture.ts";

const CHILD = join(import.meta.dir, "full-disk-child.ts");
/** Files of at most 20 KiB. The signal for it is ignored, so the write fails instead of the process. */
const LIMITED = "trap '' XFSZ; ulimit -f 20; exec \"$@\"";

test.each(["mapped", "written"])(
  "a write that fails half-way throws unavailable, leaves no torn line and loses nothing told before (%s)",
  async (form) => {
    await using fixture = await openLedgerFixture();
    const command = ["bash", "-c", LIMITED, "bash", process.execPath, CHILD, fixture.journalFolder, form];
    const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
    const lines = (await child.stdout.text()).trimEnd().split("\n");
    expect(await child.exited).toBe(0);
    expect(lines.at(-1)).toBe("unavailable journal_unwritable");
    const told = lines.slice(0, -1);
    expect(told.length).toBeGreaterThan(10);
    const damages: Damage[] = [];
    await recoverDead(fixture.journalFolder, {
      sink: fixture.sink,
      onDamage: (damage) => damages.push(damage),
    });
    expect(damages).toEqual([]);
    const requests = (await fixture.rows()).filter(({ id }) => !id.includes("."));
    expect(
      requests.map(({ id }) => id).sort((left, right) => Number(left.slice(1)) - Number(right.slice(1))),
    ).toEqual(told);
  },
);
