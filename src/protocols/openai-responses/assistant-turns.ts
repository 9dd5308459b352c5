/** Collects the assistant's items of one stretch into turns, and gives carried signatures back to their parts. */
import type { AssistantPart, Opaque, Turn } from "#model/chat.ts";
import type { DecodedReasoning } from "./decode-reasoning.ts";

interface OpenTurn {
  readonly parts: AssistantPart[];
  hasMessage: boolean;
  phase: string | undefined;
  id: string | undefined;
}

export class AssistantTurns {
  #turns: OpenTurn[] = [];
  #carried: Opaque | undefined;

  addPart(part: AssistantPart): void {
    const carried = this.#carried;
    this.#carried = undefined;
    this.#open().parts.push(carried ? { ...part, signature: carried } : part);
  }

  addReasoning(decoded: DecodedReasoning): void {
    if (decoded.type === "reasoning") {
      for (const part of decoded.parts) this.addPart(part);
      return;
    }
    if (decoded.to === "next") {
      this.#endCarried();
      this.#carried = decoded.opaque;
      return;
    }
    const parts = this.#open().parts;
    const last = parts.pop();
    parts.push({ ...(last ?? { type: "text", text: "" }), signature: decoded.opaque });
  }

  addMessage(
    parts: readonly AssistantPart[],
    marks: { readonly phase?: string; readonly id?: string },
  ): void {
    const last = this.#turns.at(-1);
    if (last?.hasMessage && last.phase !== marks.phase) this.#turns.push(emptyTurn());
    const turn = this.#open();
    turn.phase ??= marks.phase;
    turn.id ??= marks.id;
    turn.hasMessage = true;
    for (const part of parts) this.addPart(part);
  }

  take(): readonly Turn[] {
    this.#endCarried();
    const turns = this.#turns.map((turn): Turn => ({
      side: "assistant",
      parts: turn.parts,
      ...(turn.id !== undefined && { id: turn.id }),
      ...(turn.phase !== undefined && { phase: turn.phase }),
    }));
    this.#turns = [];
    return turns;
  }

  /** A signature whose part never came: Google signs an empty last text this way. */
  #endCarried(): void {
    if (this.#carried) this.addPart({ type: "text", text: "" });
  }

  #open(): OpenTurn {
    const last = this.#turns.at(-1);
    if (last) return last;
    const turn = emptyTurn();
    this.#turns.push(turn);
    return turn;
  }
}

function emptyTurn(): OpenTurn {
  return { parts: [], hasMessage: false, phase: undefined, id: undefined };
}
