/**
 * Slots for requests in flight: 0 <= used <= the limit, and a slot is given back exactly once however often it is
 * released. The limit is asked for at each taking, so it may change while slots are out.
 */
export class Slots {
  #used = 0;

  get used(): number {
    return this.#used;
  }

  /** Undefined where all are taken. */
  take(limit: number): Slot | undefined {
    if (this.#used >= limit) return undefined;
    this.#used += 1;
    return new Slot(this);
  }

  /** A slot's own to call, once. */
  giveBack(): void {
    this.#used -= 1;
  }
}

export class Slot {
  readonly #slots: Slots;
  #isHeld = true;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#slots.giveBack();
  }
}
