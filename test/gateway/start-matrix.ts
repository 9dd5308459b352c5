/**
 * A gateway in front of the simulated provider, once for each upstream API: `model("demo-tools", "gemini")` is that
 * demo model, reached through that API and no other.
 */
import { startDemoUpstream, type RunningDemo } from "../demo/start-demo.ts";
import { startGateway, type TestGateway } from "./start-gateway.ts";

export const upstreamApis = ["openai-chat", "anthropic-messages", "gemini", "openai-responses"] as const;
export type UpstreamApi = (typeof upstreamApis)[number];

export interface Matrix {
  readonly demo: RunningDemo;
  readonly gateway: TestGateway;
  stop(): Promise<void>;
}

export interface MatrixOptions {
  /** Demo models that may be asked for. */
  readonly models: readonly string[];
  /** YAML of one model's further settings, in flow style: `retry: { attempts_max: 1 }`. */
  readonly settings?: readonly string[];
  /** YAML lines of further connectors. */
  readonly connectors?: string;
  /** Further YAML: lines of models, indented, and then whatever stands at the top level. */
  readonly config?: string;
  readonly bodyBytesMax?: number;
}

export const model = (demoModel: string, api: UpstreamApi) => `${demoModel}-on-${api}`;

export async function startMatrix(options: MatrixOptions): Promise<Matrix> {
  const demo = await startDemoUpstream();
  const connectors = upstreamApis.map(
    (api) => `  ${api}: { type: demo, base_url: "${demo.url}", protocol: ${api} }`,
  );
  const models = options.models.flatMap((name) =>
    upstreamApis.map((api) => {
      const fields = [`targets: [{ connector: ${api}, model: ${name} }]`, ...(options.settings ?? [])];
      return `  ${model(name, api)}: { ${fields.join(", ")} }`;
    }),
  );
  const gateway = await startGateway({
    config: `connectors:\n${connectors.join("\n")}\n${options.connectors ?? ""}models:\n${models.join("\n")}\n${options.config ?? ""}`,
    ...(options.bodyBytesMax !== undefined && { bodyBytesMax: options.bodyBytesMax }),
  });
  return {
    demo,
    gateway,
    async stop() {
      await gateway.stop();
      await demo.stop();
    },
  };
}
