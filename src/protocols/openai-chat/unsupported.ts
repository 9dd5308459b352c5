/** A refusal that names what this host cannot express; another target may. */
import { Failure } from "#model/failure.ts";
import type { Dialect } from "#protocols/protocol.ts";

export function unsupported(path: string, dialect: Dialect, what = "cannot express"): Failure {
  return new Failure("unsupported", `The model's provider (${dialect.host}) ${what} '${path}'.`, {
    param: path,
    code: "unsupported_parameter",
  });
}
