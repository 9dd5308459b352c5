import { afterAll, describe, expect, test } from "bun:test";
import { FetchRefused, safeFetch, type SafeFetchOptions } from "./safe-fetch.ts";

/** A self-signed certificate for `media.test` only: it shows whose name the handshake checks. It protects nothing. */
const TEST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBmTCCAT6gAwIBAgIUZqWhaA7yH8gKxgfjRPglB7V/440wCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKbWVkaWEudGVzdDAgFw0yNjExMjIyMDI0MDlaGA8yMTI2MTAy
OTIwMjQwOVowFTETMBEGA1UEAwwKbWVkaWEudGVzdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABFJeDt7BqY3dlk7xNXipDNemdcoS/8tNU5pVa0yRUk4uLDn+SscF
Wyb3vyjRkk5gGpdcFfUT+oJcjBFVymqQCkijajBoMB0GA1UdDgQWBBRgBKE1mWhG
CB5EAxwLRYmuENclUjAfBgNVHSMEGDAWgBRgBKE1mWhGCB5EAxwLRYmuENclUjAP
BgNVHRMBAf8EBTADAQH/MBUGA1UdEQQOMAyCCm1lZGlhLnRlc3QwCgYIKoZIzj0E
AwIDSQAwRgIhAOmZqWxlBLRSERBiwWWS96zc5nDqyelvh0du0Z1FDoPqAiEAtK93
Wh7qu9BQT+M2wUViU5qiREaNvFIXPcULaLfQqg0=
-----END CERTIFICATE-----`;

const TEST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgC230wfCaI579SQHh
+KGDXLKClv+FduowKDNa0UUdapuhRANCAARSXg7ewamN3ZZO8TV4qQzXpnXKEv/L
TVOaVWtMkVJOLiw5/krHBVsm978o0ZJOYBqXXBX1E/qCXIwRVcpqkApI
-----END PRIVATE KEY-----`;

const hits: string[] = [];
const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
const secure = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  tls: { cert: TEST_CERTIFICATE, key: TEST_KEY },
  fetch: answer,
});
afterAll(async () => {
  await server.stop(true);
  await secure.stop(true);
});

function answer(request: Request): Response | Promise<Response> {
  const url = new URL(request.url);
  hits.push(`${request.headers.get("host")}${url.pathname}`);
  const [, action = "", argument = ""] = url.pathname.split("/");
  if (action === "redirect") return redirect(decodeURIComponent(argument));
  if (action === "loop") return redirect(`/loop/${argument}x`);
  if (action === "status") return new Response("no", { status: Number(argument) });
  if (action === "bytes") return new Response(endless(), { headers: { "content-type": "image/PNG; x=y" } });
  if (action === "hang") return new Promise(() => {});
  return new Response("hello", { headers: { "content-type": "text/plain" } });
}

function redirect(location: string): Response {
  return new Response(null, { status: 302, headers: { location } });
}

/** Never ends by itself: only a reader who stops can end it. */
function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
  });
}

function options(changes: Partial<SafeFetchOptions> = {}): SafeFetchOptions {
  let total = 0;
  return {
    fetch: (url, init) => fetch(url, init),
    resolve: async () => ["127.0.0.1"],
    allowHosts: ["media.test", "127.0.0.1"],
    onBytes: (count) => {
      total += count;
      if (total > 1024 * 1024) throw new FetchRefused("it is too large");
    },
    timeoutMs: 5000,
    signal: new AbortController().signal,
    ...changes,
  };
}

async function refusalOf(url: string, changes: Partial<SafeFetchOptions> = {}): Promise<string> {
  try {
    await safeFetch(url, options(changes));
  } catch (error) {
    if (error instanceof FetchRefused) return error.message;
    throw error;
  }
  return "fetched";
}

const origin = `http://media.test:${server.port}`;

test("an allowed host is fetched by its checked address, under its own name", async () => {
  const { bytes, contentType } = await safeFetch(`${origin}/ok#part`, options());
  expect(new TextDecoder().decode(bytes)).toBe("hello");
  expect(contentType).toBe("text/plain");
  expect(hits.at(-1)).toBe(`media.test:${server.port}/ok`);
});

test("a redirect is followed", async () => {
  const { bytes } = await safeFetch(`${origin}/redirect/${encodeURIComponent("/ok")}`, options());
  expect(new TextDecoder().decode(bytes)).toBe("hello");
});

test("over TLS the certificate must be the name's, although an address is connected to", async () => {
  const withCa: Partial<SafeFetchOptions> = {
    allowHosts: ["media.test", "other.test"],
    fetch: (url, init) => fetch(url, { ...init, tls: { ...init.tls, ca: TEST_CERTIFICATE } }),
  };
  expect(await refusalOf(`https://media.test:${secure.port}/ok`, withCa)).toBe("fetched");
  expect(await refusalOf(`https://other.test:${secure.port}/ok`, withCa)).toBe("it could not be fetched");
});

describe("an address that is not public is not connected to", () => {
  const port = server.port;
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ["loopback", `http://127.0.0.1:${port}/`, []],
    ["loopback in one number", `http://2130706433:${port}/`, []],
    ["loopback in hexadecimal", `http://0x7f.1:${port}/`, []],
    ["loopback in octal", `http://0177.0.0.1:${port}/`, []],
    ["the unspecified address", `http://0.0.0.0:${port}/`, []],
    ["IPv6 loopback", `http://[::1]:${port}/`, []],
    ["IPv4 mapped into IPv6", `http://[::ffff:127.0.0.1]:${port}/`, []],
    ["the metadata service", "http://169.254.169.254/computeMetadata/v1/", []],
    ["a name for it", "http://metadata.google.internal/", ["169.254.169.254"]],
    ["a name for loopback", `http://evil.test:${port}/`, ["127.0.0.1"]],
    ["a name with one private address of two", `http://evil.test:${port}/`, ["8.8.8.8", "10.0.0.1"]],
    ["a name for a local IPv6 address", `http://evil.test:${port}/`, ["fd00::1"]],
    ["an allowed name's other port", `http://media.test:${port}/`, ["127.0.0.1"]],
  ];
  test.each(cases)("%s", async (_, url, addresses) => {
    const before = hits.length;
    let isAsked = false;
    const message = await refusalOf(url, {
      allowHosts: ["media.test:1"],
      resolve: async () => addresses,
      fetch: async () => {
        isAsked = true;
        return new Response("leaked");
      },
    });
    expect(message).toBe("its address may not be fetched");
    expect(isAsked).toBe(false);
    expect(hits.length).toBe(before);
  });

  test.each(["http://10.0.0.1/", "http://[::ffff:10.0.0.1]/", "//192.168.0.1/", "http://169.254.169.254/"])(
    "also when a redirect leads to it: %s",
    async (location) => {
      expect(await refusalOf(`${origin}/redirect/${encodeURIComponent(location)}`)).toBe(
        "its address may not be fetched",
      );
    },
  );
});

test("a name is resolved once, and the connection goes to what was checked", async () => {
  const answers = [["93.184.215.14"], ["127.0.0.1"]];
  const asked: string[] = [];
  await safeFetch("http://rebinding.test/x", {
    ...options(),
    resolve: async () => answers.shift() ?? [],
    fetch: async (url) => {
      asked.push(url);
      return new Response("ok");
    },
  });
  expect(asked).toEqual(["http://93.184.215.14/x"]);
  expect(answers).toHaveLength(1);
});

const refused: readonly (readonly [string, string, string])[] = [
  ["another scheme", "file:///etc/passwd", "it is not an http or https URL"],
  ["no URL", "hello", "it is not an http or https URL"],
  [
    "a redirect to another scheme",
    `${origin}/redirect/${encodeURIComponent("file:///etc/passwd")}`,
    "it is not an http or https URL",
  ],
  ["credentials in it", "http://a:b@media.test/", "its URL holds credentials"],
  ["an endless chain of redirects", `${origin}/loop/`, "it redirects too often"],
  ["an error of its server", `${origin}/status/404`, "its server answered 404"],
  ["an endless body", `${origin}/bytes`, "it is too large"],
  ["a closed port", "http://media.test:1/", "it could not be fetched"],
];
test.each(refused)("refused: %s", async (_, url, message) => {
  expect(await refusalOf(url)).toBe(message);
});

test("a server that does not answer is given up", async () => {
  expect(await refusalOf(`${origin}/hang`, { timeoutMs: 20 })).toBe("it took too long");
});

test("a resolver that does not answer is given up", async () => {
  const never = () => new Promise<never>(() => {});
  expect(await refusalOf("http://slow.test/", { resolve: never, timeoutMs: 20 })).toBe("it took too long");
});

test("a caller who leaves ends the fetch with the caller's own reason", async () => {
  const caller = new AbortController();
  const fetching = safeFetch(`${origin}/hang`, options({ signal: caller.signal }));
  caller.abort(new Error("gone"));
  const reason: unknown = await fetching.catch((error: unknown) => error);
  expect(reason).toEqual(new Error("gone"));
});
