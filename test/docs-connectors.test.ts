/** The table in docs/connectors.md says what connectors and their protocols really take and refuse. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "#config/load.ts";
import type { Connector, Operation, Target } from "#connectors/connector.ts";
import { createConnectors } from "#connectors/connectors.ts";
import { featuresOf } from "#connectors/features.ts";
import { pickProtocol } from "#gateway/send.ts";
import { Cancellation } from "#lib/cancellation.ts";
import type { JsonObject } from "#lib/json.ts";
import { Failure } from "#model/failure.ts";
import { anthropicMessages } from "#protocols/anthropic-messages/anthropic-messages.ts";
import { gemini } from "#protocols/gemini/gemini.ts";
import { openaiChat } from "#protocols/openai-chat/openai-chat.ts";
import { openaiResponses } from "#protocols/openai-responses/openai-responses.ts";

const protocols = {
  "openai-chat": openaiChat,
  "openai-responses": openaiResponses,
  "anthropic-messages": anthropicMessages,
  gemini,
};

const config = `connectors:
  openrouter: { type: openrouter, api_key: k }
  vertex: { type: vertex, project: p, api_key: k }
  clewdr: { type: clewdr }
  web: { type: clewdr, path_prefix: /v1 }
  anthropic: { type: anthropic, api_key: k }
  openai: { type: openai, api_key: k }
  gemini: { type: gemini, api_key: k }
  demo: { type: demo }
`;

const rows: readonly (readonly [row: string, connector: string, model: string])[] = [
  ["`openrouter`", "openrouter", "google/gemini-2.5-pro"],
  ["`vertex`, Gemini", "vertex", "gemini-2.5-pro"],
  ["`vertex`, Claude", "vertex", "claude-sonnet-4-5"],
  ["`vertex`, other makers", "vertex", "meta/llama-4"],
  ["`clewdr`, `/code/v1`", "clewdr", "claude-sonnet-4-5"],
  ["`clewdr`, `/v1`", "web", "claude-sonnet-4-5"],
  ["`anthropic`", "anthropic", "claude-sonnet-4-5"],
  ["`openai`", "openai", "gpt-5"],
  ["`gemini`", "gemini", "gemini-2.5-pro"],
  ["`demo`", "demo", "demo"],
];

const inline = (mimeType: string, data: string): JsonObject => ({ inlineData: { mimeType, data } });
const byUrl = { fileData: { mimeType: "image/png", fileUri: "https://example.com/a.png" } };
const parameters = { type: "OBJECT", properties: { city: { type: "STRING" } } };

/** Column of the table -> what a request of Gemini's API, which knows them all, says for it. */
const requests: Readonly<Record<string, { readonly part?: JsonObject; readonly more?: JsonObject }>> = {
  text: {},
  tools: {
    more: { tools: [{ functionDeclarations: [{ name: "weather", description: "now", parameters }] }] },
  },
  images: { part: inline("image/png", "iVBORw0KGgo=") },
  "images by URL": { part: byUrl },
  PDF: { part: inline("application/pdf", "JVBERi0xLjQK") },
  audio: { part: inline("audio/wav", "UklGRg==") },
  video: { part: inline("video/mp4", "AAAA") },
};

const table = readTable();
const connectors = createConnectors(loadConfig({ text: config, environment: {} }).config.connectors, {
  variables: {},
  nowMs: () => 0,
  demoUrl: "http://127.0.0.1:9",
  fetch: () => Promise.reject(new Error("nothing is asked")),
});

describe("docs/connectors.md", () => {
  for (const [row, name, model] of rows) {
    test(`says of ${row} what it takes`, () => {
      const connector = connectorOf(name);
      const target = { id: `${name}/${model}`, connector, model, weight: 1 };
      const real = Object.keys(requests).map((column) => [column, takes(target, column)]);
      const written = Object.keys(requests).map((column) => [column, firstWord(table.get(row)?.get(column))]);
      expect(written).toEqual(real);
      expect(firstWord(table.get(row)?.get("counts tokens"))).toBe(counts(target));
      expect(firstWord(table.get(row)?.get("embeddings"))).toBe(embeds(target));
    });
  }
});

function connectorOf(name: string): Connector {
  const connector = connectors.get(name);
  if (!connector) throw new Error(`no connector ${name}`);
  return connector;
}

function takes(target: Target, column: string): string {
  const { part, more } = requests[column] ?? {};
  const body = { contents: [{ role: "user", parts: [{ text: "Look." }, ...(part ? [part] : [])] }], ...more };
  const line = { model: target.model, stream: false, headers: new Headers(), unseal: () => undefined };
  const chat = gemini.client.decodeRequest(body, line);
  if (column === "images by URL" && target.connector.inlinesUrls === true) return "fetched";
  const call = callFor(target, "whole");
  if (target.connector.refuses?.(call, featuresOf(chat))) return "no";
  return isTaken(() => {
    const dialect = target.connector.dialect(target, call.protocol);
    expect(protocols[call.protocol].upstream.encodeRequest(chat, dialect).dropped).toEqual([]);
  });
}

function counts(target: Target): string {
  return isTaken(() => target.connector.address(callFor(target, "count")));
}

/** Of whichever API it speaks; Anthropic's has no embeddings, so a connector of that alone is never asked. */
function embeds(target: Target): string {
  const answers = target.connector
    .protocols(target)
    .filter((protocol) => protocol !== "anthropic-messages")
    .map((protocol) => isTaken(() => target.connector.address(callFor(target, "embed", protocol))));
  return answers.includes("yes") ? "yes" : "no";
}

function callFor(target: Target, operation: Operation, protocol = pickProtocol(target, "gemini")) {
  const cancellation = new Cancellation();
  cancellation.cancel(new Error("No token is fetched here."));
  return { target, protocol, operation, cancellation };
}

function isTaken(work: () => unknown): "yes" | "no" {
  try {
    work();
    return "yes";
  } catch (error) {
    if (error instanceof Failure && error.kind === "unsupported") return "no";
    throw error;
  }
}

/** `yes, through Chat` is a yes; `Responses only` is one for those. */
function firstWord(cell: string | undefined): string | undefined {
  return cell === "Responses only" ? "yes" : cell?.split(",")[0];
}

function readTable(): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const text = readFileSync(join(import.meta.dir, "../docs/connectors.md"), "utf8");
  const [, section = ""] = text.split("\n## What each can take\n");
  const lines = (section.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("|"));
  const cells = (line: string) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim());
  const header = cells(lines[0] ?? "");
  return new Map(
    lines.slice(2).map((line) => {
      const own = cells(line);
      return [own[0] ?? "", new Map(header.map((column, index) => [column, own[index] ?? ""]))] as const;
    }),
  );
}
