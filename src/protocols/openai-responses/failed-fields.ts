/** What `response.failed` says: the response with its error, and the error once more. */
import type { JsonObject } from "#lib/json.ts";
import type { Failure } from "#model/failure.ts";
import { openaiErrorObject } from "#protocols/openai-errors.ts";

export function failedFields(failure: Failure, response: JsonObject): JsonObject {
  const error = openaiErrorObject(failure);
  return {
    response: { ...response, status: "failed", error: { ...error, code: error["code"] ?? "server_error" } },
    // The event's own `error` makes the official SDKs raise; by the status alone they would return the torso.
    error,
  };
}
