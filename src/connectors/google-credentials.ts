/**
 * Google application default credentials. A service account's key file is exchanged here by a signed grant
 * (RFC 7523), at the `token_uri` the file names: Google's library ignores that field, and private clouds and tests
 * need it. Every other kind (metadata server, workload identity, user login) goes through the library, which is
 * loaded only then, because it would slow down every start.
 */
import { createSign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { asNumber, asObject, asString, type JsonObject, parseJson } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";
import type { AccessToken } from "./access-token.ts";
import type { ConnectorEnvironment } from "./connector-environment.ts";

const SCOPE = "https://www.googleapis.com/auth/cloud-platform";
const TOKEN_URL = "https://oauth2.googleapis.com/token";
const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const GRANT_SECONDS = 3600;
const FETCH_TIMEOUT_MS = 15_000;

/** Throws `upstream_refused`. */
export async function fetchGoogleToken(environment: ConnectorEnvironment): Promise<AccessToken> {
  const path = environment.variables["GOOGLE_APPLICATION_CREDENTIALS"];
  const credentials = path === undefined || path === "" ? undefined : await readCredentials(path);
  if (credentials?.["type"] === "service_account") return fetchByGrant(credentials, environment);
  return fetchByLibrary(credentials, environment);
}

async function readCredentials(path: string): Promise<JsonObject> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw refused("the file in GOOGLE_APPLICATION_CREDENTIALS cannot be read", cause);
  });
  const credentials = asObject(parseJson(text));
  if (!credentials) throw refused("the file in GOOGLE_APPLICATION_CREDENTIALS is not JSON");
  return credentials;
}

async function fetchByGrant(
  credentials: JsonObject,
  { fetch, nowMs }: ConnectorEnvironment,
): Promise<AccessToken> {
  const url = asString(credentials["token_uri"]) ?? TOKEN_URL;
  const requestedAtMs = nowMs();
  const body = new URLSearchParams({
    grant_type: GRANT_TYPE,
    assertion: signGrant(credentials, url, Math.floor(requestedAtMs / 1000)),
  });
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: body.toString(),
    redirect: "error",
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  }).catch((cause: unknown) => {
    throw refused("its token server cannot be reached", cause);
  });
  const answer = asObject(parseJson(await response.text().catch(() => "")));
  const value = asString(answer?.["access_token"]);
  if (!response.ok || value === undefined) {
    throw refused(errorCode(answer) ?? `its token server answered ${response.status}`);
  }
  return { value, expiresAtMs: requestedAtMs + (asNumber(answer?.["expires_in"]) ?? GRANT_SECONDS) * 1000 };
}

function signGrant(credentials: JsonObject, audience: string, issuedAtSeconds: number): string {
  const email = asString(credentials["client_email"]);
  const key = asString(credentials["private_key"]);
  const keyId = asString(credentials["private_key_id"]);
  if (email === undefined || key === undefined) {
    throw refused("the service account file lacks client_email or private_key");
  }
  const header = { alg: "RS256", typ: "JWT", ...(keyId !== undefined && { kid: keyId }) };
  const claims = {
    iss: email,
    scope: SCOPE,
    aud: audience,
    iat: issuedAtSeconds,
    exp: issuedAtSeconds + GRANT_SECONDS,
  };
  const signed = `${toBase64url(header)}.${toBase64url(claims)}`;
  try {
    // Keys that went through an environment variable often have their line ends spelt out.
    const signature = createSign("RSA-SHA256").update(signed).sign(key.replaceAll("\\n", "\n"), "base64url");
    return `${signed}.${signature}`;
  } catch (cause) {
    throw refused("the service account's private_key cannot be used", cause);
  }
}

async function fetchByLibrary(
  credentials: JsonObject | undefined,
  { nowMs }: ConnectorEnvironment,
): Promise<AccessToken> {
  const { GoogleAuth } = await import("google-auth-library");
  try {
    const auth = new GoogleAuth({ scopes: [SCOPE] });
    const client = credentials ? auth.fromJSON({ ...credentials }) : await auth.getClient();
    if (credentials && "scopes" in client) client.scopes = [SCOPE];
    const { token } = await client.getAccessToken();
    if (typeof token !== "string" || token === "") throw refused("there was no token in the answer");
    return { value: token, expiresAtMs: client.credentials.expiry_date ?? nowMs() + GRANT_SECONDS * 1000 };
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw refused("there are no usable application default credentials", cause);
  }
}

function toBase64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** `invalid_grant` and its like; nothing that could hold part of a key. */
function errorCode(answer: JsonObject | undefined): string | undefined {
  const code = asString(answer?.["error"]);
  return code !== undefined && /^[a-z_]{1,40}$/.test(code) ? code : undefined;
}

function refused(why: string, cause?: unknown): Failure {
  return new Failure("upstream_refused", `Google gave no access token: ${why}.`, {
    code: "no_access_token",
    ...(cause !== undefined && { cause }),
  });
}
