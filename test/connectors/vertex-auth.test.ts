/** Vertex with a service account, against a token server on this machine that checks the grant as Google does. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { generateKeyPairSync, verify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cancellation } from "#lib/cancellation.ts";
import { asObject, type JsonObject, parseJson } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";
import { addressOf, openConnector } from "./open-connector.ts";

const NOW_MS = 1_790_000_000_000;
const { privateKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});

const folder = mkdtempSync(join(tmpdir(), "xjp-vertex-"));
const grants: URLSearchParams[] = [];
let reply: () => Response = () => token("ya29.first");
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    grants.push(new URLSearchParams(await request.text()));
    return reply();
  },
});
const tokenUrl = `http://127.0.0.1:${server.port}/token`;
afterAll(async () => {
  await server.stop(true);
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  grants.length = 0;
  reply = () => token("ya29.first");
});

function token(value: string): Response {
  return Response.json({ access_token: value, expires_in: 3599, token_type: "Bearer" });
}

function keyFile(name: string, changes: JsonObject = {}): string {
  const path = join(folder, name);
  const account = {
    type: "service_account",
    project_id: "p",
    private_key_id: "key-1",
    private_key: privateKey,
    client_email: "gateway@p.iam.gserviceaccount.com",
    token_uri: tokenUrl,
    ...changes,
  };
  writeFileSync(path, JSON.stringify(account));
  return path;
}

function openVertex(path: string, state = { nowMs: NOW_MS }) {
  return openConnector("type: vertex, project: p, region: us-central1", {
    variables: { GOOGLE_APPLICATION_CREDENTIALS: path },
    nowMs: () => state.nowMs,
  });
}

const asked = { model: "gemini-2.5-pro" } as const;

async function failureOf(path: string, cancellation?: Cancellation): Promise<Failure> {
  try {
    await addressOf(openVertex(path), { ...asked, ...(cancellation && { cancellation }) });
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("it was addressed");
}

test("the call carries the token that a signed grant was exchanged for, and no key", async () => {
  const { headers } = await addressOf(openVertex(keyFile("a.json")), asked);
  expect(headers).toEqual({ authorization: "Bearer ya29.first" });
  const [grant] = grants;
  expect(grant?.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer");
  const [header = "", claims = "", signature = ""] = grant?.get("assertion")?.split(".") ?? [];
  expect(decode(header)).toEqual({ alg: "RS256", typ: "JWT", kid: "key-1" });
  expect(decode(claims)).toEqual({
    iss: "gateway@p.iam.gserviceaccount.com",
    scope: "https://www.googleapis.com/auth/cloud-platform",
    aud: tokenUrl,
    iat: NOW_MS / 1000,
    exp: NOW_MS / 1000 + 3600,
  });
  const signed = Buffer.from(`${header}.${claims}`);
  expect(verify("RSA-SHA256", signed, publicKey, Buffer.from(signature, "base64url"))).toBe(true);
  expect(
    verify("RSA-SHA256", Buffer.from(`${header}x.${claims}`), publicKey, Buffer.from(signature, "base64url")),
  ).toBe(false);
});

test("a private key with its line ends spelt out is usable", async () => {
  const path = keyFile("escaped.json", { private_key: privateKey.replaceAll("\n", "\\n") });
  expect((await addressOf(openVertex(path), asked)).headers["authorization"]).toBe("Bearer ya29.first");
});

test("requests at once and later share one token until shortly before its end", async () => {
  const state = { nowMs: NOW_MS };
  const connector = openVertex(keyFile("b.json"), state);
  await Promise.all(Array.from({ length: 20 }, () => addressOf(connector, asked)));
  state.nowMs += 50 * 60_000;
  await addressOf(connector, asked);
  expect(grants).toHaveLength(1);
  state.nowMs += 9.9 * 60_000;
  reply = () => token("ya29.second");
  expect((await addressOf(connector, asked)).headers["authorization"]).toBe("Bearer ya29.second");
  expect(grants).toHaveLength(2);
});

test("after a 401 the token is forgotten and the next call brings another", async () => {
  const state = { nowMs: NOW_MS };
  const connector = openVertex(keyFile("c.json"), state);
  await addressOf(connector, asked);
  state.nowMs += 60_000;
  expect(connector.forgetToken?.()).toBe(true);
  reply = () => token("ya29.second");
  expect((await addressOf(connector, asked)).headers["authorization"]).toBe("Bearer ya29.second");
});

test("with an API key there is no token to forget or to fetch", async () => {
  const connector = openConnector("type: vertex, project: p, api_key: k");
  await addressOf(connector, asked);
  expect("forgetToken" in connector).toBe(false);
  expect(grants).toHaveLength(0);
});

describe("no token is the operator's trouble, said without secrets", () => {
  const answers: readonly (readonly [string, () => Response, string])[] = [
    [
      "a revoked key",
      () => Response.json({ error: "invalid_grant", error_description: "sk-inner" }, { status: 400 }),
      "invalid_grant",
    ],
    ["a broken server", () => new Response("<html>sk-inner</html>", { status: 502 }), "answered 502"],
    ["an answer without a token", () => Response.json({ sk: "sk-inner" }), "answered 200"],
    [
      "a redirect",
      () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } }),
      "cannot be reached",
    ],
    ["an odd error code", () => Response.json({ error: "sk-inner $$$" }, { status: 400 }), "answered 400"],
  ];
  test.each(answers)("%s", async (_, answer, why) => {
    reply = answer;
    const failure = await failureOf(keyFile("d.json"));
    expect(failure.kind).toBe("upstream_refused");
    expect(failure.message).toContain(why);
    expect(failure.message).not.toContain("sk-inner");
  });

  const files: readonly (readonly [string, string, string])[] = [
    ["a missing file", join(folder, "none.json"), "cannot be read"],
    [
      "a key that is none",
      keyFile("e.json", { private_key: "-----BEGIN NOTHING-----" }),
      "private_key cannot be used",
    ],
    ["a file without an email", keyFile("f.json", { client_email: null }), "lacks client_email"],
    [
      "an unreachable server",
      keyFile("g.json", { token_uri: "http://127.0.0.1:1/token" }),
      "cannot be reached",
    ],
  ];
  test.each(files)("%s", async (_, path, why) => {
    const failure = await failureOf(path);
    expect(failure.kind).toBe("upstream_refused");
    expect(failure.message).toContain(why);
    expect(failure.message).not.toContain("BEGIN");
  });

  test("a file that is not JSON", async () => {
    const path = join(folder, "h.json");
    writeFileSync(path, "{");
    expect((await failureOf(path)).message).toContain("is not JSON");
  });
});

test("a caller who leaves does not wait for the token", async () => {
  const held = Promise.withResolvers<void>();
  const caller = new Cancellation();
  const connector = openConnector("type: vertex, project: p", {
    variables: { GOOGLE_APPLICATION_CREDENTIALS: keyFile("i.json") },
    fetch: async () => {
      await held.promise;
      return token("late");
    },
  });
  const addressed = addressOf(connector, { ...asked, cancellation: caller }).catch((error: unknown) => error);
  caller.cancel(new Failure("cancelled", "The client left."));
  expect(await addressed).toBe(caller.reason);
  held.resolve();
});

function decode(part: string): JsonObject | undefined {
  return asObject(parseJson(Buffer.from(part, "base64url").toString()));
}
