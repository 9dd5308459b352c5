/** Why a port could not be opened, and what the person who chose it can do. */
import { Failure } from "#model/failure.ts";

export interface ListenPlace {
  readonly host: string;
  readonly port: number;
  /** Where a person sets the port, as the end of a sentence: `--port`. */
  readonly portNames: string;
  readonly hostNames: string;
}

/** Codes that blame the address. A name that leads nowhere has none, only its text. */
const ADDRESS_CODES: ReadonlySet<unknown> = new Set([
  "EADDRNOTAVAIL",
  "EAFNOSUPPORT",
  "EINVAL",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** What is neither the port's nor the address's fault passes unchanged: a bug must not look like a busy port. */
export function toListenFailure(cause: unknown, place: ListenPlace): unknown {
  const message = describe(cause, place);
  return message === undefined ? cause : new Failure("internal", message, { cause, code: "cannot_listen" });
}

function describe(cause: unknown, { host, port, portNames, hostNames }: ListenPlace): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  const code = "code" in cause ? cause.code : undefined;
  if (code === "EADDRINUSE")
    return `Port ${port} of ${host} is in use. Stop what uses it, or choose another with ${portNames}.`;
  if (code === "EACCES" || code === "EPERM")
    return `Port ${port} of ${host} may not be opened by this user. Choose one above 1023 with ${portNames}.`;
  const blamesAddress =
    code === undefined ? cause.message.startsWith("Failed to listen") : ADDRESS_CODES.has(code);
  if (!blamesAddress) return undefined;
  return `${host} is no address of this machine. Choose one with ${hostNames}; 0.0.0.0 is all of them.`;
}
