/** How each agent is pointed at a gateway: what the README tells its users, in code. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentCommand } from "./run-agent.ts";

export interface Task {
  readonly gatewayUrl: string;
  readonly key: string;
  readonly model: string;
  readonly prompt: string;
}

export function claudeCode({ gatewayUrl, key, model, prompt }: Task): AgentCommand {
  return {
    binary: "claude",
    args: ["-p", prompt, "--permission-mode", "acceptEdits", "--allowedTools", "Write", "Read"],
    env: {
      ANTHROPIC_BASE_URL: gatewayUrl,
      ANTHROPIC_API_KEY: key,
      ANTHROPIC_MODEL: model,
      ANTHROPIC_SMALL_FAST_MODEL: model,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
    },
  };
}

export function codex({ gatewayUrl, key, model, prompt }: Task): AgentCommand {
  return {
    binary: "codex",
    args: ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", prompt],
    env: { XJP_KEY: key },
    async prepare(home) {
      await mkdir(join(home, ".codex"), { recursive: true });
      const config = `model = "${model}"
model_provider = "xjp"

[model_providers.xjp]
name = "XiaojinPro Gateway"
base_url = "${gatewayUrl}/v1"
env_key = "XJP_KEY"
wire_api = "responses"
`;
      await writeFile(join(home, ".codex", "config.toml"), config);
    },
  };
}

export function geminiCli({ gatewayUrl, key, model, prompt }: Task): AgentCommand {
  return {
    binary: "gemini",
    args: ["-m", model, "-p", prompt, "--yolo"],
    env: { GOOGLE_GEMINI_BASE_URL: gatewayUrl, GEMINI_API_KEY: key },
    async prepare(home) {
      await mkdir(join(home, ".gemini"), { recursive: true });
      const settings = {
        security: { auth: { selectedType: "gemini-api-key" }, folderTrust: { enabled: false } },
        general: { disableAutoUpdate: true, disableUpdateNag: true },
        privacy: { usageStatisticsEnabled: false },
        telemetry: { enabled: false },
      };
      await writeFile(join(home, ".gemini", "settings.json"), JSON.stringify(settings));
    },
  };
}
