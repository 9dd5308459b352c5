/** The kinds of value that configuration is made of. Descriptions become the reference page. */
import { z } from "zod";
import { Secret } from "#lib/secret.ts";

const DAY_MS = 86_400_000;

export const nonEmptyText = z.string().trim().min(1, "Must not be empty");

/** A duration from 1 ms to a day. Zero would mean "at once" to one reader and "never" to another. */
export function timeoutMs(byDefault: number, description: string): z.ZodDefault<z.ZodInt> {
  return z.int().min(1).max(DAY_MS).default(byDefault).describe(description);
}

/** Wrapped as it is read, so that no later print of the configuration can show it. */
export const secretText = z
  .string()
  .trim()
  .min(1, "Must not be empty")
  .regex(/^[\x21-\x7e]+$/, "Must be printable ASCII without spaces, because it is sent in a header")
  .transform((value) => new Secret(value));

/** The values of additional request headers: they may be credentials. */
export const headerValue = z
  .string()
  .regex(/^[\x20-\x7e]*$/, "Must be printable ASCII on one line")
  .transform((value) => new Secret(value));

/** An http(s) origin with an optional path, without a slash at its end. */
export const httpUrl = z
  .string()
  .trim()
  .refine(isPlainHttpUrl, "Must be an http:// or https:// URL without user, query and fragment")
  .transform((url) => url.replace(/\/+$/, ""));

/** Credentials in a URL would be printed with it; a query would swallow the path appended to it. */
function isPlainHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) return false;
  return url.username === "" && url.password === "" && !/[?#\s\\]/.test(text);
}
