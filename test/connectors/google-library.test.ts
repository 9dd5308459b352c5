/** Credentials that go through Google's library, each in a process of its own: it reads the environment by itself. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const home = mkdtempSync(join(tmpdir(), "xjp-home-"));
const source = join(import.meta.dir, "../../src");
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request) {
    const headers = { "metadata-flavor": "Google" };
    if (!new URL(request.url).pathname.endsWith("/token")) return new Response("ok", { headers });
    return Response.json(
      { access_token: "ya29.metadata", expires_in: 1800, token_type: "Bearer" },
      { headers },
    );
  },
});
afterAll(async () => {
  await server.stop(true);
  rmSync(home, { recursive: true });
});

async function run(script: string, environment: Readonly<Record<string, string>>): Promise<string> {
  const child = Bun.spawn([process.execPath, "-e", script], {
    cwd: join(source, ".."),
    env: { PATH: process.env["PATH"] ?? "", HOME: home, ...environment },
    stdout: "pipe",
    stderr: "pipe",
    timeout: 30_000,
  });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(errors);
  return output.trim();
}

const fetchToken = `
  import { fetchGoogleToken } from "${source}/connectors/google-credentials.ts";
  const environment = { variables: process.env, nowMs: Date.now, fetch };
  try {
    const token = await fetchGoogleToken(environment);
    console.log(token.value, Math.round((token.expiresAtMs - Date.now()) / 60_000));
  } catch (error) {
    console.log(error.kind, error.message);
  }`;

test("on Google's own machines the metadata server gives the token", async () => {
  const output = await run(fetchToken, { GCE_METADATA_HOST: `127.0.0.1:${server.port}` });
  expect(output).toBe("ya29.metadata 30");
});

test("without any credentials the operator is told what is missing", async () => {
  const output = await run(fetchToken, { METADATA_SERVER_DETECTION: "none" });
  expect(output).toBe(
    "upstream_refused Google gave no access token: there are no usable application default credentials.",
  );
});

test("the library is not loaded until a token is needed from it", async () => {
  const output = await run(
    `await import("${source}/connectors/connectors.ts");
     await import("${source}/config/load.ts");
     console.log(Object.keys(require.cache).filter((path) => path.includes("google-auth-library")).length);`,
    {},
  );
  expect(output).toBe("0");
});
