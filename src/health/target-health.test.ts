import { describe, expect, test } from "bun:test";
import { breakerDefaults } from "./breaker.ts";
import { HealthRegistry, TargetHealth } from "./target-health.ts";

describe("a target's health", () => {
  test("a pause keeps everybody away until it is over, and a longer one wins", () => {
    const health = new TargetHealth();
    health.pause(0, 1_000);
    health.pause(0, 500);
    expect(health.acquire(999)).toBeUndefined();
    expect(health.availableAtMs(0)).toBe(1_000);
    expect(health.acquire(1_000)).toBeDefined();
  });

  test("answers that break after their first token count against it", () => {
    const health = new TargetHealth({ ...breakerDefaults, outcomesMin: 4 });
    for (let count = 0; count < 4; count++) {
      health.acquire(0)?.succeed(0);
      health.noteFailure(0);
    }
    expect(health.breaker.state).toBe("open");
  });
});

describe("the registry", () => {
  const listed = { breaker: breakerDefaults, isListed: true };
  const unlisted = { breaker: breakerDefaults, isListed: false };

  test("names that clients make up never push out a configured target", () => {
    const registry = new HealthRegistry();
    const configured = registry.of("a/configured", listed);
    configured.pause(0, 60_000);
    for (let count = 0; count < 20_000; count++) registry.of(`a/made-up-${count}`, unlisted);
    expect(registry.of("a/configured")).toBe(configured);
    expect(registry.peek("a/made-up-0")).toBeUndefined();
    expect(registry.peek("a/made-up-19999")).toBeDefined();
  });

  test("one target's failures do not spend another's retries", () => {
    const registry = new HealthRegistry();
    const failing = registry.of("a/failing", listed).retries;
    while (failing.spend());
    expect(registry.of("a/well", listed).retries.spend()).toBe(true);
  });
});
