/** The real agents do a two-tool task (write a file, read it back, answer) through the gateway, behind each upstream API. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startDemoUpstream, type RunningDemo } from "../demo/start-demo.ts";
import { startGateway, type TestGateway } from "../gateway/start-gateway.ts";
import { claudeCode, codex, geminiCli, type Task } from "./agents.ts";
import { runAgent, type AgentCommand } from "./run-agent.ts";

const upstreamApis = ["openai-chat", "anthropic-messages", "gemini", "openai-responses"] as const;
const agents: Readonly<Record<string, (task: Task) => AgentCommand>> = { claudeCode, codex, geminiCli };
const SECRET = "MAGIC WORD 42";

let demo: RunningDemo;
let gateway: TestGateway;

beforeAll(async () => {
  demo = await startDemoUpstream();
  const connectors = upstreamApis.map(
    (api) => `  ${api}: { type: demo, base_url: "${demo.url}", protocol: ${api} }`,
  );
  const models = upstreamApis.map(
    (api) => `  agent-on-${api}: { targets: [{ connector: ${api}, model: demo-agent }] }`,
  );
  gateway = await startGateway({
    config: `connectors:\n${connectors.join("\n")}\nmodels:\n${models.join("\n")}\n`,
  });
});

afterAll(async () => {
  await gateway.stop();
  await demo.stop();
});

for (const [name, agent] of Object.entries(agents)) {
  describe(name, () => {
    for (const api of upstreamApis) {
      test(`writes a file, reads it back and answers, on ${api}`, async () => {
        const rowsBefore = (await gateway.rows(0)).length;
        const task = { gatewayUrl: gateway.url, key: gateway.key, model: `agent-on-${api}` };
        await using run = await runAgent(
          agent({ ...task, prompt: `write hello.txt with content "${SECRET}"` }),
        );
        expect({ exitCode: run.exitCode, stderr: run.exitCode === 0 ? "" : run.stderr }).toEqual({
          exitCode: 0,
          stderr: "",
        });
        expect((await run.readFile("hello.txt"))?.trim()).toBe(SECRET);
        expect(run.stdout).toContain(SECRET);
        // At least the write, the read and the answer were booked, each with its attempt.
        const rows = (await gateway.rows(rowsBefore + 6)).slice(rowsBefore);
        expect(
          rows.filter((row) => row["outcome"] !== "ok" && row["outcome"] !== "client_cancelled"),
        ).toEqual([]);
        expect(
          new Set(rows.filter((row) => row["kind"] === "attempt").map((row) => row["protocol_out"])),
        ).toEqual(new Set([api]));
      });
    }
  });
}
