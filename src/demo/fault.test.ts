/** How the names of faults are read and their uses counted. */
import { expect, test } from "bun:test";
import { FAULT_KINDS, FaultCounter, parseFault } from "./fault.ts";

const CASES = [
  ["500", { kind: "500", timesMax: Infinity }],
  ["429-7", { kind: "429", parameter: 7, timesMax: Infinity }],
  ["429-date-60-x1", { kind: "429-date", parameter: 60, timesMax: 1 }],
  ["cut-40-x2-kmine", { kind: "cut", parameter: 40, timesMax: 2 }],
  ["error-200", { kind: "error-200", timesMax: Infinity }],
] as const;

test.each(CASES)("%s is read in full", (text, fault) => {
  expect(parseFault(text)).toEqual({ ...fault, counter: text });
});

test.each(["", "teapot", "500x", "429-", "cut-x", "-x1"])("'%s' is no fault", (text) => {
  expect(parseFault(text)).toBeUndefined();
});

test("every kind is read as itself, with and without options", () => {
  expect(FAULT_KINDS.map((kind) => parseFault(kind)?.kind)).toEqual([...FAULT_KINDS]);
  expect(FAULT_KINDS.map((kind) => parseFault(`${kind}-5-x2`)?.kind)).toEqual([...FAULT_KINDS]);
});

test("faults count apart from each other and start afresh when cleared", () => {
  const counter = new FaultCounter();
  const [mine, other] = [parseFault("500-x1-kmine"), parseFault("500-x1-kother")];
  if (mine === undefined || other === undefined) throw new Error("both are faults");
  expect([counter.shouldFail(mine), counter.shouldFail(mine), counter.shouldFail(other)]).toEqual([
    true,
    false,
    true,
  ]);
  counter.clear();
  expect(counter.shouldFail(mine)).toBe(true);
});
