import { describe, expect, test } from "bun:test";
import type { Chat, UserPart } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import type { Dialect, Host } from "#protocols/protocol.ts";
import { encodeRequest } from "./encode-request.ts";

const base: Chat = {
  protocol: "anthropic-messages",
  model: "logical",
  stream: false,
  includeUsage: true,
  system: [],
  turns: [{ side: "user", parts: [{ type: "text", text: "hi" }] }],
  tools: [],
  extensions: {},
  betas: [],
};
const to = (host: Host, model = "m", vendor: Dialect["vendor"] = "unknown"): Dialect => ({
  model,
  vendor,
  route: host,
  host,
});
const encode = (chat: Partial<Chat>, dialect: Dialect) => encodeRequest({ ...base, ...chat }, dialect);
const messages = (chat: Partial<Chat>, dialect: Dialect) => encode(chat, dialect).body["messages"];

function refused(chat: Partial<Chat>, dialect: Dialect): string | undefined {
  try {
    encode(chat, dialect);
  } catch (error) {
    if (error instanceof Failure && error.kind === "unsupported") return error.detail.param;
    throw error;
  }
  return undefined;
}

describe("media a host cannot read is refused by its path", () => {
  const audio: UserPart = { type: "audio", media: { from: "base64", mime: "audio/ogg", data: "AA" } };
  const video: UserPart = { type: "video", media: { from: "url", url: "https://x/v.mp4" } };
  const pdf: UserPart = { type: "document", media: { from: "base64", mime: "application/pdf", data: "AA" } };
  const pdfUrl: UserPart = { type: "document", media: { from: "url", url: "https://x/a.pdf" } };
  const file: UserPart = { type: "document", media: { from: "file", id: "file-1", vendor: "openai" } };
  const foreign: UserPart = { type: "unknown", protocol: "gemini", value: {}, path: "contents[0].parts[1]" };
  const at = "messages[0].content[0]";
  const rows: readonly (readonly [UserPart, Host, string | undefined])[] = [
    [video, "openai", at],
    [video, "openrouter", undefined],
    [video, "compatible", undefined],
    [audio, "openai", at],
    [audio, "openrouter", undefined],
    [pdf, "openai", undefined],
    [pdf, "deepseek", at],
    [pdfUrl, "openai", at],
    [pdfUrl, "openrouter", undefined],
    [pdfUrl, "mistral", undefined],
    [file, "compatible", at],
    [foreign, "openrouter", "contents[0].parts[1]"],
  ];
  test.each(rows)("%j to %s", (part, host, path) => {
    expect(refused({ turns: [{ side: "user", parts: [part] }] }, to(host))).toBe(path);
  });

  test("documents that are text at heart become text everywhere", () => {
    const parts: UserPart[] = [
      { type: "document", media: { from: "text", text: "body", mime: "text/plain" }, title: "T" },
      { type: "document", blocks: [{ type: "text", text: "block" }], title: "B" },
      { type: "search_result", source: "https://s", title: "S", texts: ["found"] },
    ];
    const sent = messages({ turns: [{ side: "user", parts }] }, to("deepseek"));
    expect(sent).toEqual([{ role: "user", content: "T\nbody\n\nB\n\nblock\n\nS\nhttps://s\nfound" }]);
  });
});
