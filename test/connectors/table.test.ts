/**
 * The connector table: text, image, video, streaming and tools for OpenRouter, Vertex and Clewdr. Every cell is
 * either served, with the URL it is sent to, or refused in words that say what to use instead.
 */
import { describe, expect, test } from "bun:test";
import type { Connector, Operation } from "#connectors/connector.ts";
import { featuresOf } from "#connectors/features.ts";
import type { Chat, UserPart } from "#model/chat.ts";
import { callOf, openConnector } from "./open-connector.ts";

type Kind = "text" | "image" | "image by URL" | "document" | "audio" | "video" | "streaming" | "tools";

interface Column {
  readonly name: string;
  readonly fields: string;
  readonly model: string;
  readonly path: string;
  readonly streamPath: string;
  /** What is refused, with a word of the advice. Everything else is served. */
  readonly refused: Readonly<Partial<Record<Kind, string>>>;
}

const claudeOnly = { video: "Gemini", audio: "Gemini" } as const;
const columns: readonly Column[] = [
  {
    name: "OpenRouter",
    fields: "type: openrouter, api_key: k",
    model: "google/gemini-2.5-pro",
    path: "/api/v1/chat/completions",
    streamPath: "/api/v1/chat/completions",
    refused: {},
  },
  {
    name: "Vertex, Gemini",
    fields: "type: vertex, api_key: k, project: p",
    model: "gemini-2.5-pro",
    path: "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-pro:generateContent",
    streamPath:
      "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-pro:streamGenerateContent",
    refused: {},
  },
  {
    name: "Vertex, Claude",
    fields: "type: vertex, api_key: k, project: p",
    model: "claude-opus-4-6",
    path: "/v1/projects/p/locations/global/publishers/anthropic/models/claude-opus-4-6:rawPredict",
    streamPath:
      "/v1/projects/p/locations/global/publishers/anthropic/models/claude-opus-4-6:streamRawPredict",
    refused: claudeOnly,
  },
  {
    name: "Clewdr",
    fields: "type: clewdr",
    model: "claude-opus-4-6",
    path: "/code/v1/messages",
    streamPath: "/code/v1/messages",
    refused: claudeOnly,
  },
  {
    name: "Clewdr's web chat",
    fields: "type: clewdr, path_prefix: /v1",
    model: "claude-opus-4-6",
    path: "/v1/messages",
    streamPath: "/v1/messages",
    refused: { ...claudeOnly, tools: "/code/v1", document: "/code/v1", "image by URL": "base64" },
  },
];

const media = (mime: string) => ({ from: "base64", mime, data: "AA==" }) as const;
const parts: Readonly<Record<Kind, readonly UserPart[]>> = {
  text: [],
  streaming: [],
  tools: [],
  image: [{ type: "image", media: media("image/png") }],
  "image by URL": [{ type: "image", media: { from: "url", url: "https://x.test/a.png" } }],
  document: [{ type: "document", media: media("application/pdf") }],
  audio: [{ type: "audio", media: media("audio/wav") }],
  video: [{ type: "video", media: media("video/mp4") }],
};

function chatWith(kind: Kind): Chat {
  return {
    protocol: "openai-chat",
    model: "m",
    stream: kind === "streaming",
    includeUsage: false,
    system: [],
    turns: [{ side: "user", parts: [{ type: "text", text: "hello" }, ...parts[kind]] }],
    tools: kind === "tools" ? [{ type: "function", name: "look" }] : [],
    extensions: {},
    betas: [],
  };
}

function ask(connector: Connector, model: string, kind: Kind) {
  const chat = chatWith(kind);
  const operation: Operation = chat.stream ? "stream" : "whole";
  const call = callOf(connector, { model, operation });
  return { call, refusal: connector.refuses?.(call, featuresOf(chat)) };
}

describe.each(columns)("$name", ({ fields, model, path, streamPath, refused }) => {
  const connector = openConnector(fields);
  const kinds: readonly Kind[] = [
    "text",
    "image",
    "image by URL",
    "document",
    "audio",
    "video",
    "streaming",
    "tools",
  ];

  test.each(kinds.filter((kind) => refused[kind] === undefined))("serves %s", async (kind) => {
    const { call, refusal } = ask(connector, model, kind);
    expect(refusal).toBeUndefined();
    const { url } = await connector.address(call);
    expect(new URL(url).pathname).toBe(kind === "streaming" ? streamPath : path);
  });

  test.each(kinds.filter((kind) => refused[kind] !== undefined))(
    "refuses %s, and says what to use",
    (kind) => {
      const { refusal } = ask(connector, model, kind);
      expect(refusal?.kind).toBe("unsupported");
      expect(refusal?.message).toContain(refused[kind] ?? "");
      expect(refusal?.message).toContain(kind === "image by URL" ? "images by URL" : kind);
    },
  );
});

test("upstreams that cannot fetch say so, and only those", () => {
  const inlining = ["type: vertex, project: p", "type: gemini, api_key: k"];
  const fetching = [
    "type: openrouter, api_key: k",
    "type: anthropic, api_key: k",
    "type: openai, api_key: k",
    "type: clewdr",
  ];
  for (const fields of inlining) expect(openConnector(fields).inlinesUrls, fields).toBe(true);
  for (const fields of fetching) expect(openConnector(fields).inlinesUrls ?? false, fields).toBe(false);
});

test("OpenRouter takes video only through Chat Completions", () => {
  const connector = openConnector("type: openrouter, api_key: k");
  const call = callOf(connector, { model: "a/b", protocol: "anthropic-messages" });
  expect(connector.refuses?.(call, featuresOf(chatWith("video")))?.message).toContain("Chat Completions");
});

test("OpenAI and Anthropic refuse video", () => {
  for (const fields of ["type: openai, api_key: k", "type: anthropic, api_key: k"]) {
    const { refusal } = ask(openConnector(fields), "m", "video");
    expect(refusal?.message, fields).toContain("video");
  }
});
