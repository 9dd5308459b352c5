/**
 * The demo's models. A model's name says what it does:
 *
 *   demo, demo-echo         friendly text that quotes the last user message
 *   demo-lorem-N[-dM]       N tokens of filler, M ms between them (for benchmarks)
 *   demo-reasoning          thinks first, in each API's own form; calls the offered tools once; checks on the next turn
 *                           that its opaque reasoning came back unchanged and in its place, and answers 400 if not
 *   demo-tools              calls the first tool, two in parallel where allowed, then quotes the results
 *   demo-vision             describes the pictures, documents, sounds and films of the last user message
 *   demo-json               obeys the JSON Schema of structured output
 *   demo-agent              drives a coding agent: `write FILE with content "TEXT"`, reads it back, reports
 *   demo-fault-KIND[-N][-xTIMES][-kNAME]
 *                           a failure, see fault.ts; after TIMES failures the model answers like `demo`
 *   demo-continue-N[-fault-KIND...]
 *                           a long answer; at Gemini in N requests, see long-answer.ts, and with the fault in the second
 *   demo-embed              embeddings of any text
 *
 * Any name may have a vendor's prefix (`anthropic/demo-tools`). A real model's name (`gpt-6`, `claude-opus-5.5`) answers like
 * `demo`; an unknown name in `demo-` or one beginning with `missing` is 404.
 */
import { parseFault, type Fault } from "./fault.ts";

type Behaviour = "echo" | "reasoning" | "tools" | "vision" | "json" | "agent";

export interface DemoModel {
  readonly behaviour: Behaviour | { readonly loremTokens: number } | { readonly longParts: number };
  readonly chunkDelayMs: number;
  readonly fault?: Fault;
}

/** What GET models answers. */
export const LISTED_MODELS = [
  "demo",
  "demo-echo",
  "demo-lorem-100",
  "demo-lorem-500-d20",
  "demo-reasoning",
  "demo-tools",
  "demo-vision",
  "demo-json",
  "demo-agent",
  "demo-fault-429-x1",
  "demo-fault-500-x1",
  "demo-embed",
] as const;

const LOREM = /^demo-lorem-(\d{1,6})(?:-d(\d{1,5}))?$/;
const LONG = /^demo-continue-(\d{1,2})(?:-fault-(.+))?$/;
const FAULT_PREFIX = "demo-fault-";

/** What a model does, or undefined where there is no such model. */
export function findDemoModel(name: string): DemoModel | undefined {
  const bare = name.slice(name.lastIndexOf("/") + 1);
  const lorem = LOREM.exec(bare);
  if (lorem) return { behaviour: { loremTokens: Number(lorem[1]) }, chunkDelayMs: Number(lorem[2] ?? 0) };
  const long = LONG.exec(bare);
  if (long) {
    const fault = long[2] === undefined ? undefined : parseFault(long[2]);
    if (long[2] !== undefined && !fault) return undefined;
    return { behaviour: { longParts: Number(long[1]) }, chunkDelayMs: 0, ...(fault && { fault }) };
  }
  if (bare.startsWith(FAULT_PREFIX)) {
    const fault = parseFault(bare.slice(FAULT_PREFIX.length));
    return fault && { behaviour: "echo", chunkDelayMs: 0, fault };
  }
  const behaviour = findBehaviour(bare);
  return behaviour && { behaviour, chunkDelayMs: 0 };
}

function findBehaviour(bare: string): Behaviour | undefined {
  switch (bare) {
    case "demo":
    case "demo-echo":
    case "demo-embed":
      return "echo";
    case "demo-reasoning":
      return "reasoning";
    case "demo-tools":
      return "tools";
    case "demo-vision":
      return "vision";
    case "demo-json":
      return "json";
    case "demo-agent":
      return "agent";
    default:
      return bare.startsWith("demo-") || bare.startsWith("missing") || bare === "" ? undefined : "echo";
  }
}
