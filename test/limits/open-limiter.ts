/** A limiter on a virtual clock, over a ledger that answers what a test says. */
import { VirtualClock } from "#lib/virtual-clock.ts";
import type { Admission, Restored, RestoreQuery } from "#limits/admission.ts";
import { createLimiter } from "#limits/limiter.ts";
import type { Caller, Limits } from "#model/caller.ts";
import { Failure } from "#model/failure.ts";

export const NOTHING_USED: Restored = { requestsToday: 0, spentNanoUsd: 0n };

export function callerWith(limits: Limits, keyId = "key-1"): Caller {
  return { keyId, tenantId: "tenant-1", keyPrefix: "XJP_ab12cd", limits };
}

export function openLimiter(
  options: { restored?: Restored; ceilingNanoUsd?: number; keysMax?: number } = {},
) {
  const clock = new VirtualClock(Date.UTC(2026, 2, 10, 12));
  const queries: RestoreQuery[] = [];
  const limiter = createLimiter({
    clock,
    restore: (query) => {
      queries.push(query);
      return Promise.resolve(options.restored ?? NOTHING_USED);
    },
    ...(options.ceilingNanoUsd !== undefined && { unknownPriceCeilingNanoUsd: options.ceilingNanoUsd }),
    ...(options.keysMax !== undefined && { keysMax: options.keysMax }),
  });
  const admit = async (limits: Limits, keyId?: string): Promise<Admission> =>
    limiter.admit(callerWith(limits, keyId), clock.nowMs());
  return { clock, limiter, queries, admit };
}

export async function failureOf(work: () => unknown): Promise<Failure> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
