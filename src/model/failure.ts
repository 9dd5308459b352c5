/**
 * One vocabulary of failure. Operating errors are thrown as `Failure`; the table below is the only place that
 * knows a kind's HTTP status, whose fault it is and where another try may help. What is no `Failure` is a bug
 * and becomes `internal`.
 */

/** Whose fault: the caller's, ours, the provider's, or the database's. */
export type Blame = "client" | "gateway" | "upstream" | "store";

/**
 * Where another try may help. `same`: this target later, or the next one now. `next`: only another target.
 * `nowhere`: the request itself is the problem.
 */
export type Retry = "nowhere" | "same" | "next";

interface Trait {
  readonly status: number;
  readonly blame: Blame;
  readonly retry: Retry;
}

const traits = {
  bad_request: { status: 400, blame: "client", retry: "nowhere" },
  /** Well-formed, but the chosen target cannot express it; another target may. */
  unsupported: { status: 400, blame: "client", retry: "next" },
  /** A target with a larger window may take it. */
  context_length: { status: 400, blame: "client", retry: "next" },
  content_policy: { status: 400, blame: "client", retry: "nowhere" },
  unauthenticated: { status: 401, blame: "client", retry: "nowhere" },
  over_budget: { status: 402, blame: "client", retry: "nowhere" },
  /** A budgeted key asked for a model nobody knows the price of. */
  price_unknown: { status: 402, blame: "client", retry: "nowhere" },
  forbidden: { status: 403, blame: "client", retry: "nowhere" },
  not_found: { status: 404, blame: "client", retry: "nowhere" },
  method_not_allowed: { status: 405, blame: "client", retry: "nowhere" },
  too_large: { status: 413, blame: "client", retry: "nowhere" },
  /** The caller's own limit at this gateway. */
  rate_limited: { status: 429, blame: "client", retry: "nowhere" },
  /** The client went away. Nobody reads the status; it is for the log. */
  cancelled: { status: 499, blame: "client", retry: "nowhere" },
  /** The provider limits our account. */
  upstream_rate_limited: { status: 429, blame: "upstream", retry: "same" },
  /** The provider refuses our credentials, credit or permissions: the operator's business, not the caller's. */
  upstream_refused: { status: 502, blame: "upstream", retry: "next" },
  upstream_not_found: { status: 502, blame: "upstream", retry: "next" },
  upstream_failed: { status: 502, blame: "upstream", retry: "same" },
  upstream_overloaded: { status: 503, blame: "upstream", retry: "same" },
  /** Connection refused, reset or cut, or bytes that are not the protocol. */
  upstream_broken: { status: 502, blame: "upstream", retry: "same" },
  /** A finished reply with nothing in it. */
  upstream_empty: { status: 502, blame: "upstream", retry: "same" },
  timeout: { status: 504, blame: "upstream", retry: "same" },
  /** No target may be tried now: all breakers open, or draining. */
  no_target: { status: 503, blame: "gateway", retry: "nowhere" },
  unavailable: { status: 503, blame: "store", retry: "nowhere" },
  internal: { status: 500, blame: "gateway", retry: "nowhere" },
} as const satisfies Record<string, Trait>;

export type FailureKind = keyof typeof traits;
/** Every kind, for tests that must provoke each. */
export const failureKinds: readonly FailureKind[] = Object.keys(traits).filter(isFailureKind);

function isFailureKind(name: string): name is FailureKind {
  return name in traits;
}

export interface FailureDetail {
  readonly cause?: unknown;
  /** The request field at fault, as a path: `messages[2].content[0].image_url`. */
  readonly param?: string;
  /** A machine-readable code more precise than the kind, e.g. `invalid_api_key`, `model_not_found`. */
  readonly code?: string;
  readonly retryAfterMs?: number;
  /**
   * The message repeats what an upstream said, which may quote the request: it is for the caller alone. A log takes the
   * kind and the code, which are words and never text.
   */
  readonly isUpstreamText?: true;
  /** What the provider answered, for the log and the attempt row; its text never reaches a client unscrubbed. */
  readonly upstreamStatus?: number;
  readonly upstreamRequestId?: string;
}

export class Failure extends Error {
  override readonly name = "Failure";
  readonly kind: FailureKind;
  readonly detail: FailureDetail;

  /** `message` says what was wrong and what to do; it holds no key, prompt or upstream internals. */
  constructor(kind: FailureKind, message: string, detail: FailureDetail = {}) {
    super(message, { cause: detail.cause });
    this.kind = kind;
    this.detail = detail;
  }

  get status(): number {
    return traits[this.kind].status;
  }

  get blame(): Blame {
    return traits[this.kind].blame;
  }

  get retry(): Retry {
    return traits[this.kind].retry;
  }
}

/** A bug is told apart from an operating error here: whatever is no `Failure` becomes `internal`. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure("internal", "The gateway made a mistake. Try again; the log has the request id.", {
    cause: error,
  });
}
