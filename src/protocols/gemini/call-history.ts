/** The calls of a conversation, so that results without ids find theirs: by name, in order, as Gemini pairs them. */

interface OpenCall {
  readonly id: string;
  readonly name: string;
}

export class CallHistory {
  readonly #known = new Set<string>();
  readonly #open: OpenCall[] = [];
  #made = 0;

  /** Notes a call; gives its id, made from its position where it came without. */
  add(name: string, given: string | undefined): string {
    const id = given !== undefined && given !== "" && !this.#known.has(given) ? given : this.#make();
    this.#known.add(id);
    this.#open.push({ id, name });
    return id;
  }

  /** The call a result answers. A result whose call is nowhere (an explicit cache may hold it) gets a fresh id. */
  answer(name: string, given: string | undefined): string {
    const byId = this.#open.findIndex((call) => call.id === given);
    const index = byId >= 0 ? byId : this.#open.findIndex((call) => call.name === name);
    const [call] = index < 0 ? [] : this.#open.splice(index, 1);
    if (call) return call.id;
    return given === undefined || given === "" ? this.#make() : given;
  }

  #make(): string {
    this.#made += 1;
    return `call_history_${this.#made}`;
  }
}
