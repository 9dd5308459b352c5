import { afterAll, describe, expect, test } from "bun:test";
import type { MediaConfig } from "#config/schema.ts";
import type { Chat, Turn, UserPart } from "#model/chat.ts";
import { Failure } from "#model/failure.ts";
import { inlineMedia, planInlining } from "./inline-media.ts";

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const PDF = Buffer.from("%PDF-1.4\n%%EOF");
let served = 0;
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request) {
    served++;
    switch (new URL(request.url).pathname) {
      case "/a.png":
        return new Response(PNG, { headers: { "content-type": "image/png" } });
      case "/untyped.png":
        return new Response(PNG, { headers: { "content-type": "application/octet-stream" } });
      case "/a.pdf":
        return new Response(PDF, { headers: { "content-type": "application/pdf" } });
      case "/a.txt":
        return new Response("grüezi", { headers: { "content-type": "text/plain; charset=utf-8" } });
      case "/page.png":
        return new Response("<!doctype html><h1>Sign in</h1>", { headers: { "content-type": "image/png" } });
      case "/big.png":
        return new Response(Buffer.concat([PNG, Buffer.alloc(5000)]), {
          headers: { "content-type": "image/png" },
        });
      case "/empty.png":
        return new Response("", { headers: { "content-type": "image/png" } });
      default:
        return new Response("not here", { status: 404 });
    }
  },
});
afterAll(() => server.stop(true));

const origin = `http://127.0.0.1:${server.port}`;
const host = `127.0.0.1:${server.port}`;
const config: MediaConfig = { fetch_urls: true, allow_hosts: [host], bytes_max: 4096, timeout_ms: 5000 };
const environment = {
  fetch: (url: string, init: BunFetchRequestInit) => fetch(url, init),
  resolve: async () => ["127.0.0.1"],
};

function image(url: string): UserPart {
  return { type: "image", media: { from: "url", url }, detail: "high" };
}

function chatOf(...turns: readonly Turn[]): Chat {
  return {
    protocol: "openai-chat",
    model: "m",
    stream: false,
    includeUsage: false,
    system: [],
    turns,
    tools: [],
    extensions: {},
    betas: [],
  };
}

function user(...parts: readonly UserPart[]): Turn {
  return { side: "user", parts };
}

function inline(chat: Chat, changes: Partial<MediaConfig> = {}): Promise<Chat> {
  const signal = new AbortController().signal;
  return inlineMedia(chat, { ...config, ...changes }, { environment, signal });
}

async function failureOf(part: UserPart, changes: Partial<MediaConfig> = {}): Promise<Failure> {
  try {
    await inline(chatOf(user({ type: "text", text: "see" }, part)), changes);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("it was fetched");
}

describe("media by URL", () => {
  const png = { from: "base64", mime: "image/png", data: PNG.toString("base64") } as const;

  test("becomes bytes where it stands, with everything else as it was", async () => {
    const chat = chatOf(user({ type: "text", text: "see" }, image(`${origin}/a.png`)));
    const { turns, ...rest } = await inline(chat);
    const { turns: _, ...before } = chat;
    expect(rest).toEqual(before);
    expect(turns).toEqual([
      user({ type: "text", text: "see" }, { type: "image", media: png, detail: "high" }),
    ]);
  });

  test("is found in tool results and in documents made of blocks", async () => {
    const chat = chatOf({
      side: "user",
      parts: [
        { type: "tool_result", callId: "c", content: [image(`${origin}/a.png`)] },
        { type: "document", blocks: [image(`${origin}/untyped.png`)] },
      ],
    });
    expect((await inline(chat)).turns).toEqual([
      {
        side: "user",
        parts: [
          { type: "tool_result", callId: "c", content: [{ type: "image", media: png, detail: "high" }] },
          { type: "document", blocks: [{ type: "image", media: png, detail: "high" }] },
        ],
      },
    ]);
  });

  test("a document is a PDF or text", async () => {
    const document = (url: string): UserPart => ({ type: "document", media: { from: "url", url } });
    const { turns } = await inline(chatOf(user(document(`${origin}/a.pdf`), document(`${origin}/a.txt`))));
    expect(turns).toEqual([
      user(
        {
          type: "document",
          media: { from: "base64", mime: "application/pdf", data: PDF.toString("base64") },
        },
        { type: "document", media: { from: "text", mime: "text/plain", text: "grüezi" } },
      ),
    ]);
  });

  test("named twice is fetched once", async () => {
    const before = served;
    await inline(chatOf(user(image(`${origin}/a.png`), image(`${origin}/a.png`))));
    expect(served - before).toBe(1);
  });
});

test("a chat with nothing to fetch comes back as the same object", async () => {
  const chat = chatOf(
    user(
      { type: "text", text: `${origin}/a.png` },
      { type: "image", media: { from: "base64", mime: "image/png", data: "AA==" } },
      { type: "video", media: { from: "url", url: "https://www.youtube.com/watch?v=x" } },
      { type: "video", media: { from: "url", url: "gs://bucket/film.mp4" } },
      image("https://generativelanguage.googleapis.com/v1beta/files/abc"),
    ),
  );
  expect(await inline(chat)).toBe(chat);
  expect(await inline(chat, { fetch_urls: false })).toBe(chat);
});

describe("what cannot be fetched is a bad request that names the part", () => {
  const cases: readonly (readonly [string, UserPart, string])[] = [
    ["missing", image(`${origin}/missing.png`), "its server answered 404"],
    ["an error page that claims to be an image", image(`${origin}/page.png`), "it is not an image"],
    ["a PDF in place of an image", image(`${origin}/a.pdf`), "it is not an image"],
    [
      "an image in place of a video",
      { type: "video", media: { from: "url", url: `${origin}/a.png` } },
      "it is not a video",
    ],
    ["too large", image(`${origin}/big.png`), "it is larger than 4096 bytes"],
    ["empty", image(`${origin}/empty.png`), "it is empty"],
    ["private", image("http://10.0.0.1/a.png"), "its address may not be fetched"],
    [
      "the metadata service",
      image("http://169.254.169.254/latest/meta-data"),
      "its address may not be fetched",
    ],
    ["another port of an allowed host", image("http://127.0.0.1:1/a.png"), "its address may not be fetched"],
  ];
  test.each(cases)("%s", async (_, part, why) => {
    const failure = await failureOf(part);
    expect(failure.kind).toBe("bad_request");
    expect(failure.message).toEndWith(`was not fetched: ${why}.`);
    expect(failure.detail.param).toBe("turns[0].parts[1]");
  });

  test("too many", async () => {
    const many = Array.from({ length: 21 }, (_, index) => image(`${origin}/${index}`));
    const failure: unknown = await inline(chatOf(user(...many))).catch((error: unknown) => error);
    expect(String(failure)).toContain("more than 20 URLs");
  });

  test("with fetching switched off another target may still take it", async () => {
    const failure = await failureOf(image(`${origin}/a.png`), { fetch_urls: false });
    expect(failure.kind).toBe("unsupported");
    expect(failure.message).toContain("base64");
  });
});

test("the plan names each URL once, by the first part that has it", () => {
  const plan = planInlining(chatOf(user(image("http://h/a"), image("http://h/b"), image("http://h/a"))));
  expect([...plan.values()].map(({ url, path }) => [url, path])).toEqual([
    ["http://h/a", "turns[0].parts[0]"],
    ["http://h/b", "turns[0].parts[1]"],
  ]);
});
