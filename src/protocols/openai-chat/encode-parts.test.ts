import { describe, expect, test } from "bun:test";
import type { UserPart } from "#model/chat.ts";
import type { Host } from "#protocols/protocol.ts";
import { messages, refused, to } from "./encode-fixture.ts";

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
