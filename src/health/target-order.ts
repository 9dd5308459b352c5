/** The order in which targets are tried. Pure: randomness and knowledge come as arguments. */

export type Strategy = "priority" | "weighted" | "latency" | "cost";

export interface Candidate {
  readonly id: string;
  readonly weight: number;
}

export interface OrderKnowledge {
  /** In [0, 1). */
  random(): number;
  /** Running average of the first token, or undefined where never tried: such a target is tried first, once. */
  firstTokenMs(id: string): number | undefined;
  /** Price of a typical request in any unit, or undefined where unknown: such a target goes last. */
  price(id: string): number | undefined;
}

export function orderTargets<T extends Candidate>(
  strategy: Strategy,
  targets: readonly T[],
  knowledge: OrderKnowledge,
): readonly T[] {
  if (targets.length < 2) return targets;
  switch (strategy) {
    case "priority":
      return targets;
    case "weighted":
      return drawByWeight(targets, knowledge);
    case "latency":
      return sortBy(targets, (target) => knowledge.firstTokenMs(target.id) ?? 0);
    case "cost":
      return sortBy(targets, (target) => knowledge.price(target.id) ?? Number.POSITIVE_INFINITY);
  }
}

/** Draws without replacement, each draw in proportion to the weights left. Weight 0 comes last, as a spare. */
function drawByWeight<T extends Candidate>(targets: readonly T[], knowledge: OrderKnowledge): readonly T[] {
  const left = [...targets];
  const drawn: T[] = [];
  while (left.length > 0) {
    const total = left.reduce((sum, target) => sum + target.weight, 0);
    let point = knowledge.random() * total;
    const found = left.findIndex((target) => (point -= target.weight) < 0);
    drawn.push(...left.splice(Math.max(0, found), 1));
  }
  return drawn;
}

/** Stable: equals keep the order of the config. */
function sortBy<T>(targets: readonly T[], key: (target: T) => number): readonly T[] {
  return targets.toSorted((a, b) => {
    const [first, second] = [key(a), key(b)];
    return first === second ? 0 : first - second;
  });
}
