/** Both forms of the journal's files, by the same tests; then what only a map has to fear. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { appendFormFor, openAppendFile } from "#ledger/append-file.ts";
import { endOfLines, readLines } from "#ledger/read-lines.ts";

const MIB = 1024 * 1024;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "append-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function newPath(): string {
  return join(folder, crypto.randomUUID());
}

/** What anybody else finds in the file while it is open. */
function linesIn(path: string): string {
  return readFileSync(path).toString("utf8", 0, endOfLines(path, "last"));
}

describe.each(["mapped", "written"] as const)("a %s file", (form) => {
  test("has each line in it, for others to read, when append returns", () => {
    const path = newPath();
    const file = openAppendFile(path, form);
    let expected = "";
    for (const text of ["first", "", "é 漢 🙂", "x".repeat(100_000), "last"]) {
      expected += `${text}\n`;
      expect(file.append(text)).toBe(Buffer.byteLength(text) + 1);
      expect(file.bytes).toBe(Buffer.byteLength(expected));
      expect(linesIn(path)).toBe(expected);
    }
    file.close();
    expect(readFileSync(path, "utf8")).toBe(expected);
  });

  test("keeps lines of any length, whatever the garbage collector does meanwhile", () => {
    const character = fc.constantFrom("a", "é", "漢", "🙂");
    const text = fc.tuple(character, fc.nat(200_000)).map(([one, count]) => one.repeat(count));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 12 }), (texts) => {
        const path = newPath();
        const file = openAppendFile(path, form);
        for (const [index, one] of texts.entries()) {
          file.append(one);
          if (index % 4 === 0) Bun.gc(true);
        }
        const expected = texts.map((one) => `${one}\n`).join("");
        expect(linesIn(path) === expected).toBe(true);
        file.close();
        expect(readFileSync(path, "utf8") === expected).toBe(true);
        rmSync(path);
      }),
      { numRuns: 15 },
    );
  });

  test("takes nothing of the disk before its first line, and at most a little ahead", () => {
    const path = newPath();
    const file = openAppendFile(path, form);
    expect(statSync(path).size).toBe(0);
    for (let index = 0; index < 2_000; index++) {
      file.append("x".repeat(700));
      expect(statSync(path).size).toBeLessThanOrEqual(file.bytes + MIB / 4);
    }
    file.close();
    expect(statSync(path).size).toBe(2_000 * 701);
  });

  test("empties what is there under its name", () => {
    const path = newPath();
    writeFileSync(path, "from before\n");
    const file = openAppendFile(path, form);
    file.append("new");
    file.close();
    expect(readFileSync(path, "utf8")).toBe("new\n");
  });
});

describe("a mapped file", () => {
  test("takes nothing after it was closed", () => {
    const path = newPath();
    const file = openAppendFile(path, "mapped");
    file.append("told");
    file.close();
    expect(() => file.append("lost")).toThrow();
    expect(readFileSync(path, "utf8")).toBe("told\n");
  });

  test("throws where its map cannot move on, and keeps the lines it has", () => {
    const path = newPath();
    const file = openAppendFile(path, "mapped");
    file.append("told");
    rmSync(path);
    for (let turn = 0; turn < 2; turn++) expect(() => file.append("x".repeat(MIB))).toThrow();
    expect(file.bytes).toBe(5);
    file.append("goes into what is mapped");
    file.close();
  });

  test("is chosen for a file system that is known to be safe for it, and never for one that is not", () => {
    expect(appendFormFor("/proc")).toBe("written");
    expect(appendFormFor(join(folder, "not there"))).toBe("written");
    if (existsSync("/dev/shm")) expect(appendFormFor("/dev/shm")).toBe("mapped");
  });

  // Only there a process can see its own maps.
  if (existsSync("/proc/self/maps")) {
    test("holds one short map at a time, and none when closed", () => {
      const path = newPath();
      const maps = () =>
        readFileSync("/proc/self/maps", "utf8")
          .split("\n")
          .filter((map) => map.includes(path)).length;
      const file = openAppendFile(path, "mapped");
      for (let index = 0; index < 2_000; index++) file.append("x".repeat(700));
      expect(maps()).toBe(1);
      file.close();
      expect(maps()).toBe(0);
    });
  }
});

describe("the end of lines", () => {
  const [long, zeros] = ["x".repeat(100_000), "\0".repeat(200_000)];
  test.each([
    ["nothing", "", "", ""],
    ["only zeros", "", "", zeros],
    ["lines", "a\nb\n", "", ""],
    ["a torn line", "a\n", "b", ""],
    ["only a torn line", "", long, ""],
    ["lines and zeros", "a\nb\n", "", zeros],
    ["long lines and a zero", `${long}\n${long}\n`, "", "\0"],
    ["a line that was never finished", `${long}\n`, `{"settled"`, "\0"],
    ["a line whose end was written first", "a\n", "\0\0\0}]}", zeros],
    ["one long line that was never finished", "", long, zeros],
    ["zeros between lines", `a\n${zeros}\nb\n`, "", zeros],
  ])("of a file with %s: a line that was begun belongs to it where another file follows", (...parts) => {
    const [, lines, begun, behind] = parts;
    const path = newPath();
    writeFileSync(path, lines + begun + behind);
    expect(endOfLines(path, "last")).toBe(lines.length);
    expect(endOfLines(path, "earlier")).toBe(lines.length + begun.length);
  });

  test("that somebody has cut off is reported, not waited for", () => {
    const path = newPath();
    writeFileSync(path, "x".repeat(100));
    truncateSync(path, 0);
    expect(readLines(path, { from: 0, until: 100, bytesMax: 50 })).toEqual({
      lines: [],
      nextOffset: 100,
      damages: [{ path, offset: 0, bytes: 100, reason: "missing lines" }],
    });
  });
});
