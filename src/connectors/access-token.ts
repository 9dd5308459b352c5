/**
 * A cached OAuth access token.
 *
 * Invariants: at most one fetch is under way, and a caller who leaves does not cancel it for the others; a token is
 * renewed in the background from five minutes before its end, so that no request waits for it; after a failed
 * renewal the next try waits a little, so that a dead token server is not hammered by every request.
 */
import type { Cancellation } from "#lib/cancellation.ts";
import { untilAborted } from "#lib/until-aborted.ts";

export interface AccessToken {
  readonly value: string;
  readonly expiresAtMs: number;
}

const RENEW_BEFORE_MS = 5 * 60_000;
/** Closer to its end than this a token might expire on the way. */
const USABLE_BEFORE_MS = 30_000;
const RENEWAL_PAUSE_MS = 10_000;
/** A token just fetched was refused for another reason than its age. */
const FRESH_MS = 30_000;

export class AccessTokenSource {
  readonly #fetchToken: () => Promise<AccessToken>;
  readonly #nowMs: () => number;
  #token: AccessToken | undefined;
  #fetchedAtMs = 0;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #pending: Promise<AccessToken> | undefined;

  constructor(fetchToken: () => Promise<AccessToken>, nowMs: () => number) {
    this.#fetchToken = fetchToken;
    this.#nowMs = nowMs;
  }

  /** The token at once where there is one. Rejects with what the fetch failed with, or the cancellation's reason. */
  get(cancellation: Cancellation): string | Promise<string> {
    const now = this.#nowMs();
    const token = this.#token;
    const remainingMs = (token?.expiresAtMs ?? 0) - now;
    if (token && remainingMs > RENEW_BEFORE_MS) return token.value;
    if (token && remainingMs > USABLE_BEFORE_MS) {
      // Its failure is told to whoever needs the token once the old one has run out.
      if (now - this.#failedAtMs > RENEWAL_PAUSE_MS) this.#fetch().catch(() => undefined);
      return token.value;
    }
    return untilAborted(this.#fetch(), cancellation.signal).then(({ value }) => value);
  }

  /** After a 401. False where the token is so new that another would not help. */
  forget(): boolean {
    const isFresh = this.#nowMs() - this.#fetchedAtMs < FRESH_MS;
    this.#token = undefined;
    return !isFresh;
  }

  #fetch(): Promise<AccessToken> {
    this.#pending ??= this.#renew().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #renew(): Promise<AccessToken> {
    try {
      const token = await this.#fetchToken();
      this.#token = token;
      this.#fetchedAtMs = this.#nowMs();
      return token;
    } catch (error) {
      this.#failedAtMs = this.#nowMs();
      throw error;
    }
  }
}
