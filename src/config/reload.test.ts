import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "#lib/clock.ts";
import { type ConfigWatcher, watchConfig } from "./reload.ts";

const folder = mkdtempSync(join(tmpdir(), "xjp-reload-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A watcher whose time is turned by hand. */
function watch(name: string, text: string) {
  const path = join(folder, name);
  writeFileSync(path, text);
  const ports: number[] = [];
  const errors: string[] = [];
  let look: (() => void) | undefined;
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    schedule: (_, callback) => {
      look = callback;
      return { cancel: () => (look = undefined) };
    },
  };
  const watcher: ConfigWatcher = watchConfig(
    { path, environment: {} },
    {
      onLoaded: ({ config }) => {
        if (config.server.port === 666) throw new Error("this port is refused");
        ports.push(config.server.port);
      },
      onRejected: (error) => errors.push(error.message),
      clock,
    },
  );
  return {
    path,
    ports,
    errors,
    watcher,
    isWatching: () => look !== undefined,
    pass: (seconds: number) => {
      for (let second = 0; second < seconds; second++) look?.();
    },
  };
}

test("a changed file is loaded within two seconds, once", () => {
  const { path, ports, pass } = watch("a.yaml", "server: { port: 1 }");
  pass(5);
  expect(ports).toEqual([]);
  writeFileSync(path, "server: { port: 2 }");
  pass(2);
  expect(ports).toEqual([2]);
  pass(5);
  expect(ports).toEqual([2]);
});

test("a file replaced by another is seen", () => {
  const { path, ports, pass } = watch("b.yaml", "server: { port: 1 }");
  writeFileSync(`${path}.new`, "server: { port: 3 }");
  renameSync(`${path}.new`, path);
  pass(2);
  expect(ports).toEqual([3]);
});

test("a file that is still being written is left alone", () => {
  const { path, ports, errors, pass } = watch("c.yaml", "server: { port: 1 }");
  for (const text of ["serv", "server: {", "server: { port: 4"]) {
    writeFileSync(path, text);
    pass(1);
  }
  writeFileSync(path, "server: { port: 4 }");
  pass(2);
  expect([ports, errors]).toEqual([[4], []]);
});

test("a bad file keeps the old configuration and is reported once, with every mistake", () => {
  const { path, ports, errors, pass } = watch("d.yaml", "server: { port: 1 }");
  writeFileSync(path, "server: { port: -1, prot: 2 }");
  pass(6);
  expect(ports).toEqual([]);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain("2 mistakes");
  expect(errors[0]).toContain("server.port");
  expect(errors[0]).toContain("server.prot");
  writeFileSync(path, "server: { port: 5 }");
  pass(2);
  expect(ports).toEqual([5]);
});

test("a file that is gone keeps the old configuration", () => {
  const { path, ports, errors, pass } = watch("e.yaml", "server: { port: 1 }");
  rmSync(path);
  pass(3);
  expect(ports).toEqual([]);
  expect(errors).toHaveLength(1);
});

test("SIGHUP's reload loads at once, changed or not", () => {
  const { path, ports, watcher, pass } = watch("f.yaml", "server: { port: 1 }");
  watcher.reload();
  writeFileSync(path, "server: { port: 6 }");
  watcher.reload();
  pass(3);
  expect(ports).toEqual([1, 6]);
});

test("a configuration that cannot be applied is reported like a bad file", () => {
  const { path, errors, pass } = watch("g.yaml", "server: { port: 1 }");
  writeFileSync(path, "server: { port: 666 }");
  pass(2);
  expect(errors).toEqual(["this port is refused"]);
});

test("after close nothing is looked at or loaded", () => {
  const { path, ports, watcher, isWatching, pass } = watch("h.yaml", "server: { port: 1 }");
  watcher.close();
  writeFileSync(path, "server: { port: 7 }");
  pass(3);
  watcher.reload();
  expect(isWatching()).toBe(false);
  expect(ports).toEqual([]);
});

test("closing in the middle of a reload leaves no timer behind", () => {
  const path = join(folder, "i.yaml");
  writeFileSync(path, "");
  let waiting = 0;
  let fire: () => void = () => {};
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    schedule: (_, callback) => {
      waiting++;
      fire = () => {
        waiting--;
        callback();
      };
      return { cancel: () => waiting-- };
    },
  };
  const watcher = watchConfig({ path, environment: {} }, { onLoaded: () => {}, onRejected: () => {}, clock });
  for (let look = 0; look < 3; look++) fire();
  expect(waiting).toBe(1);
  watcher.close();
  expect(waiting).toBe(0);
});
