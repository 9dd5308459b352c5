import { expect, test } from "bun:test";
import { Shutdown } from "./shutdown.ts";

test("all that joined and have not left are told, though one throws or leaves meanwhile", () => {
  const shutdown = new Shutdown();
  const told: string[] = [];
  const gone = () => told.push("gone");
  const leaving = () => {
    told.push("leaving");
    shutdown.delete(leaving);
  };
  shutdown.add(gone);
  shutdown.add(leaving);
  shutdown.add(() => {
    throw new Error("a bug");
  });
  shutdown.add(() => told.push("last"));
  shutdown.delete(gone);
  expect(() => shutdown.begin()).toThrow("some could not be told");
  expect(told).toEqual(["leaving", "last"]);
});

test("who joins after it began is told at once", () => {
  const shutdown = new Shutdown();
  const told: string[] = [];
  shutdown.begin();
  shutdown.add(() => told.push("late"));
  expect(told).toEqual(["late"]);
});
