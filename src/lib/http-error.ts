/** What can go wrong between a request of ours and its answer, below the meaning of either. */

export type HttpErrorKind =
  /** No connection: refused, no such host, no valid certificate. */
  | "unreachable"
  /** No connection within its time. */
  | "connect_timeout"
  /** The connection broke before the answer was complete. */
  | "broken"
  /** What came is not HTTP. */
  | "malformed"
  /** More came than its reader wanted to hold. */
  | "too_large"
  /** Given up by us. */
  | "cancelled";

export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly kind: HttpErrorKind;

  constructor(kind: HttpErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
