/**
 * A stand-in for Google's token endpoint: takes a signed JWT or a refresh token and gives short-lived access
 * tokens. A test may expire all of them, after which the Vertex routes answer 401 until the client fetches a new
 * one.
 */
import { asNumber, asObject, asString, parseJson, type JsonObject } from "#lib/json.ts";

const JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const LIFETIME_SECONDS = 3599;
const TOKEN_PREFIX = "ya29.demo-";

export class AccessTokens {
  #issued = 0;
  #expiredUpTo = 0;

  /** The answer to `POST /token`. */
  grant(form: URLSearchParams): Response {
    const problem = this.#findProblem(form);
    if (problem !== undefined) {
      return Response.json({ error: "invalid_grant", error_description: problem }, { status: 400 });
    }
    this.#issued += 1;
    return Response.json({
      access_token: `${TOKEN_PREFIX}${this.#issued}`,
      expires_in: LIFETIME_SECONDS,
      token_type: "Bearer",
    });
  }

  expireAll(): void {
    this.#expiredUpTo = this.#issued;
  }

  clear(): void {
    this.#issued = 0;
    this.#expiredUpTo = 0;
  }

  get issued(): number {
    return this.#issued;
  }

  /** Only tokens of this endpoint expire; any other key is none of its business. */
  isExpired(key: string): boolean {
    return key.startsWith(TOKEN_PREFIX) && Number(key.slice(TOKEN_PREFIX.length)) <= this.#expiredUpTo;
  }

  #findProblem(form: URLSearchParams): string | undefined {
    switch (form.get("grant_type") ?? "") {
      case "refresh_token":
        return form.get("refresh_token") ? undefined : "Missing refresh_token.";
      case JWT_GRANT:
        return findJwtProblem(form.get("assertion") ?? "");
      default:
        return "Unsupported grant_type.";
    }
  }
}

/** Header, claims and their times; the signature's bytes are not checked, for want of a key. */
function findJwtProblem(assertion: string): string | undefined {
  const [header, claims, signature, ...rest] = assertion.split(".");
  if (header === undefined || claims === undefined || !signature || rest.length > 0)
    return "Not a signed JWT.";
  if (decode(header)?.alg !== "RS256") return "The JWT must be signed with RS256.";
  const claimed = decode(claims);
  if (asString(claimed?.iss) === undefined) return "Missing iss.";
  if (asString(claimed?.aud) === undefined) return "Missing aud.";
  if (asString(claimed?.scope) === undefined) return "Missing scope.";
  const issuedAt = asNumber(claimed?.iat) ?? 0;
  const expiresAt = asNumber(claimed?.exp) ?? 0;
  const isCurrent = expiresAt > Date.now() / 1000 && expiresAt - issuedAt <= 3600;
  return isCurrent
    ? undefined
    : "Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
}

function decode(part: string): JsonObject | undefined {
  return asObject(parseJson(Buffer.from(part, "base64url").toString("utf8")));
}
