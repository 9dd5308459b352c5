/**
 * A histogram that is asked for its series once and then only adds: to find a series by its labels, and to check them, is
 * most of what `observe` costs, and every request is observed several times. What it says is what prom-client's says.
 */
import { Histogram, type HistogramConfiguration } from "prom-client";

type Labels<Name extends string> = Readonly<Record<Name, string>>;

export class SummedHistogram<Name extends string = never> extends Histogram<Name> {
  readonly #name: string;
  /** What it is called and so on, as prom-client says it. */
  readonly #plain: Histogram<Name>;
  readonly #bounds: readonly number[];
  readonly #series: { readonly labels: Labels<Name>; readonly sums: Sums }[] = [];

  constructor(configuration: HistogramConfiguration<Name> & { readonly buckets: number[] }) {
    super(configuration);
    this.#name = configuration.name;
    this.#plain = new Histogram({ ...configuration, registers: [] });
    this.#bounds = configuration.buckets;
  }

  /** A new series: whoever has these labels keeps what it gives. */
  open(labels: Labels<Name>): Sums {
    const sums = new Sums(this.#bounds);
    this.#series.push({ labels, sums });
    return sums;
  }

  override async get() {
    return {
      ...(await this.#plain.get()),
      values: this.#series.flatMap(({ labels, sums }) => this.#valuesOf(labels, sums)),
    };
  }

  /** What the registry asks where it is there; prom-client's own knows nothing of these series. */
  getForPromString() {
    return this.get();
  }

  #valuesOf(labels: Labels<Name>, { counts, count, sum }: Sums) {
    let below = 0;
    const metricName = `${this.#name}_bucket`;
    const buckets = this.#bounds.map((le, index) => {
      below += counts[index] ?? 0;
      return { labels: { le, ...labels }, value: below, metricName };
    });
    return [
      ...buckets,
      { labels: { le: "+Inf", ...labels }, value: count, metricName },
      { labels, value: sum, metricName: `${this.#name}_sum` },
      { labels, value: count, metricName: `${this.#name}_count` },
    ];
  }
}

/** One series. */
export class Sums {
  readonly #bounds: readonly number[];
  /** By bound: those up to it and above the one before. */
  readonly counts: number[];
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  /** Throws TypeError for what is no number, which would spoil the sum for good. */
  add(value: number): void {
    if (!Number.isFinite(value)) throw new TypeError(`not a value to be observed: ${value}`);
    this.sum += value;
    this.count += 1;
    const bounds = this.#bounds;
    for (let index = 0; index < bounds.length; index += 1) {
      if (value > (bounds[index] ?? 0)) continue;
      this.counts[index] = (this.counts[index] ?? 0) + 1;
      return;
    }
  }
}
