/** What a schema finds wrong, in the words of the YAML file and not of the validator. Values are never repeated. */
import type { z } from "zod";

/** Sentences that a schema brings itself pass unchanged. */
export function describeIssue(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return describeType(issue.message);
    case "invalid_value":
      return issue.message.startsWith("Invalid option") ? oneOf(issue.values) : issue.message;
    case "invalid_union":
      return "options" in issue ? oneOf(issue.options ?? []) : issue.message;
    case "too_small":
      return issue.message.startsWith("Too small") ? describeLeast(issue) : issue.message;
    case "too_big":
      return issue.message.startsWith("Too big")
        ? `must be ${issue.inclusive === false ? "below" : "at most"} ${issue.maximum}`
        : issue.message;
    case "not_multiple_of":
    case "invalid_format":
    case "unrecognized_keys":
    case "invalid_key":
    case "invalid_element":
    case "custom":
      return issue.message;
  }
}

/** Types that YAML's readers know by another name. */
const YAML_WORDS: ReadonlyMap<string, string> = new Map([
  ["object", "mapping"],
  ["record", "mapping"],
  ["array", "list"],
  ["int", "whole number"],
  ["null", "nothing"],
]);

function describeType(message: string): string {
  const text = message.replace(/^Invalid input: /, "");
  if (text.endsWith("received undefined")) return "is missing";
  return text.replaceAll(/\w+/g, (word) => YAML_WORDS.get(word) ?? word);
}

function describeLeast({ origin, minimum, inclusive }: z.core.$ZodIssueTooSmall): string {
  if (origin === "array") return minimum === 1 ? "needs at least one" : `needs at least ${minimum}`;
  return `must be ${inclusive === false ? "above" : "at least"} ${minimum}`;
}

/** `must be a, b or c`. */
function oneOf(choices: readonly z.core.util.Primitive[]): string {
  const words = choices.map(String);
  const last = words.pop() ?? "";
  return `must be ${words.length === 0 ? last : `${words.join(", ")} or ${last}`}`;
}
