/**
 * Verifies secrets from memory. How a known key's last look at the database ages:
 *
 *   0 ─────────────── 500 ms ──────────────────── 1 s ───────────────────────────────▶
 *   answered at once   answered at once, and      waits for the look: nothing older
 *                      looked up behind           than a second is ever trusted ...
 *                                                 ... unless the last look failed: while the database is away
 *                                                 the known answer stands, and a look is tried twice a second
 *
 * A busy key is therefore never waited for. Keys are remembered by hash only, and the number remembered is bounded;
 * so is that of the hashes known to belong to nobody, which an attacker chooses.
 */
import type { Caller } from "#model/caller.ts";
import { Failure } from "#model/failure.ts";
import type { Database } from "./database.ts";
import { createKeyLookup, type KeyLookup } from "./key-lookup.ts";
import type { KeyState } from "./key-row.ts";
import { hashSecret, isSecretFormat } from "./key-secret.ts";
import { RecentMap } from "./recent-map.ts";

export interface KeyCache {
  verify(secret: string): Caller | Promise<Caller>;
  /** Drops what is known of a key, after this process changed it. */
  forget(keyId: string): void;
}

export interface KeyCacheOptions {
  readonly database: Database;
  readonly now: () => number;
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

const LOOK_AFTER_MS = 500;
const TRUSTED_MS = 1000;
const LOOK_AGAIN_AFTER_FAILURE_MS = 500;
const KNOWN_KEYS_MAX = 100_000;
const STRANGERS_MAX = 10_000;

interface Known {
  readonly hash: string;
  state: KeyState;
  /** When the look that gave `state` began. */
  lookedAtMs: number;
  look: Promise<void> | undefined;
}

export function createKeyCache({ database, now, onFailure }: KeyCacheOptions): KeyCache {
  const cache = new Cache(createKeyLookup(database), now, onFailure);
  return { verify: (secret) => cache.verify(secret), forget: (keyId) => cache.forget(keyId) };
}

class Cache {
  readonly #lookup: KeyLookup;
  readonly #now: () => number;
  readonly #onFailure: ((error: unknown) => void) | undefined;
  readonly #known = new RecentMap<string, Known>(KNOWN_KEYS_MAX);
  /** Hash to when it was found to be nobody's. */
  readonly #strangers = new RecentMap<string, number>(STRANGERS_MAX);
  /** When a look last failed; undefined while the database answers. */
  #failedAtMs: number | undefined;

  constructor(lookup: KeyLookup, now: () => number, onFailure: ((error: unknown) => void) | undefined) {
    this.#lookup = lookup;
    this.#now = now;
    this.#onFailure = onFailure;
  }

  verify(secret: string): Caller | Promise<Caller> {
    if (!isSecretFormat(secret)) throw refused("invalid_api_key_format");
    const hash = hashSecret(secret);
    const nowMs = this.#now();
    const known = this.#known.get(hash);
    if (!known) return this.#verifyStranger(hash, nowMs);
    if (isWithin(LOOK_AFTER_MS, known.lookedAtMs, nowMs)) return judge(known.state, nowMs);
    const look = this.#lookBehind(known, nowMs);
    const mustWait = look && this.#failedAtMs === undefined && !isWithin(TRUSTED_MS, known.lookedAtMs, nowMs);
    return mustWait ? look.then(() => this.#judgeAgain(known)) : judge(known.state, nowMs);
  }

  forget(keyId: string): void {
    for (const [hash, { state }] of this.#known.entries()) {
      if (state.caller.keyId === keyId) this.#known.delete(hash);
    }
  }

  async #verifyStranger(hash: string, nowMs: number): Promise<Caller> {
    const strangerSinceMs = this.#strangers.get(hash);
    if (strangerSinceMs !== undefined && isWithin(TRUSTED_MS, strangerSinceMs, nowMs)) {
      throw refused("invalid_api_key");
    }
    const state = await this.#lookup(hash);
    this.#failedAtMs = undefined;
    if (!state) {
      this.#strangers.set(hash, nowMs);
      throw refused("invalid_api_key");
    }
    this.#known.set(hash, { hash, state, lookedAtMs: nowMs, look: undefined });
    return judge(state, this.#now());
  }

  /** Starts a look at the database, or joins the one under way. None so soon after a failed one. */
  #lookBehind(known: Known, nowMs: number): Promise<void> | undefined {
    if (known.look) return known.look;
    const failedAtMs = this.#failedAtMs;
    if (failedAtMs !== undefined && isWithin(LOOK_AGAIN_AFTER_FAILURE_MS, failedAtMs, nowMs))
      return undefined;
    known.look = this.#look(known, nowMs);
    return known.look;
  }

  /** Never rejects: a look that failed leaves the answer as it was. */
  async #look(known: Known, nowMs: number): Promise<void> {
    try {
      const state = await this.#lookup(known.hash);
      this.#failedAtMs = undefined;
      known.lookedAtMs = nowMs;
      if (state) known.state = state;
      if (!state) this.#becomeStranger(known, nowMs);
    } catch (error) {
      this.#failedAtMs = this.#now();
      this.#onFailure?.(error);
    } finally {
      known.look = undefined;
    }
  }

  /** The row was deleted by hand. Those who wait for this look still hold `known`, so it must refuse too. */
  #becomeStranger(known: Known, nowMs: number): void {
    this.#known.delete(known.hash);
    this.#strangers.set(known.hash, nowMs);
    known.state = { ...known.state, isActive: false };
  }

  #judgeAgain(known: Known): Caller {
    return judge(known.state, this.#now());
  }
}

function judge(state: KeyState, nowMs: number): Caller {
  if (!state.isActive) {
    throw new Failure("forbidden", "This API key has been switched off. Ask the operator for a new one.", {
      code: "key_inactive",
    });
  }
  if (state.expiresAtMs !== undefined && state.expiresAtMs <= nowMs) {
    throw new Failure("forbidden", "This API key has expired. Ask the operator for a new one.", {
      code: "key_expired",
    });
  }
  return state.caller;
}

/** One message for both, so that it does not help to tell a made-up key from a malformed one. */
function refused(code: "invalid_api_key" | "invalid_api_key_format"): Failure {
  return new Failure("unauthenticated", "The API key is not valid. Send the XJP_ key you were given.", {
    code,
  });
}

/** A clock that was set back must not make an old answer young again. */
function isWithin(spanMs: number, sinceMs: number, nowMs: number): boolean {
  return nowMs >= sinceMs && nowMs - sinceMs < spanMs;
}
