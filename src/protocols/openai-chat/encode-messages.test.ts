import { describe, expect, test } from "bun:test";
import type { AssistantPart, Chat, UserPart } from "#model/chat.ts";
import type { Host } from "#protocols/protocol.ts";
import { encode, messages, to } from "./encode-fixture.ts";

describe("messages", () => {
  const image: UserPart = { type: "image", media: { from: "base64", mime: "image/png", data: "AA" } };
  const call = (id: string): AssistantPart => ({ type: "tool_call", id, name: "f", argumentsText: "" });
  const wireCall = (id: string) => ({ id, type: "function", function: { name: "f", arguments: "{}" } });
  const loop: Chat["turns"] = [
    { side: "user", parts: [{ type: "text", text: "go" }] },
    { side: "assistant", parts: [call("a"), call("b")] },
    {
      side: "user",
      parts: [
        { type: "tool_result", callId: "a", name: "f", content: [{ type: "text", text: "see" }, image] },
        { type: "text", text: "and?" },
      ],
    },
    { side: "user", parts: [{ type: "tool_result", callId: "b", content: [], isError: true }] },
  ];
  const url = { type: "image_url", image_url: { url: "data:image/png;base64,AA" } };

  test("results come first, their images in a user message behind all of them", () => {
    expect(messages({ turns: loop }, to("openai"))).toEqual([
      { role: "user", content: "go" },
      { role: "assistant", content: null, tool_calls: [wireCall("a"), wireCall("b")] },
      {
        role: "tool",
        tool_call_id: "a",
        content: [
          { type: "text", text: "see" },
          { type: "text", text: "The files of this result follow in the next user message." },
        ],
      },
      { role: "tool", tool_call_id: "b", content: "Error: " },
      { role: "user", content: [{ type: "text", text: "Files of the result of f (a):" }, url] },
      { role: "user", content: "and?" },
    ]);
  });

  test("OpenRouter takes images in place", () => {
    const sent = messages({ turns: loop }, to("openrouter"));
    expect(sent).toContainEqual({
      role: "tool",
      tool_call_id: "a",
      content: [{ type: "text", text: "see" }, url],
    });
  });

  test("compatible servers get strings wherever there is only text, and never null", () => {
    const sent = messages(
      {
        system: [
          { text: "one", role: "developer" },
          { text: "two", role: "system" },
        ],
        turns: [
          {
            side: "user",
            parts: [
              { type: "text", text: "a" },
              { type: "text", text: "b" },
            ],
          },
          { side: "assistant", parts: [call("a")] },
        ],
      },
      to("compatible"),
    );
    expect(sent).toEqual([
      { role: "system", content: "one\n\ntwo" },
      { role: "user", content: "a\n\nb" },
      { role: "assistant", content: "", tool_calls: [wireCall("a")] },
    ]);
  });

  test("reasoning models at OpenAI have a developer, others a system", () => {
    const system = [{ text: "s", role: "system" as const }];
    expect(messages({ system, turns: [] }, to("openai", "gpt-5"))).toEqual([
      { role: "developer", content: "s" },
    ]);
    expect(messages({ system, turns: [] }, to("openai", "gpt-4o"))).toEqual([
      { role: "system", content: "s" },
    ]);
    expect(messages({ system, turns: [] }, to("openai", "gpt-5-chat-latest"))).toEqual([
      { role: "system", content: "s" },
    ]);
  });

  test("cache marks go to OpenRouter on their parts, and nowhere else", () => {
    const cache = { lifetime: "1h" as const };
    const chat: Partial<Chat> = {
      system: [{ text: "s", role: "system", cache }],
      turns: [{ side: "user", parts: [{ type: "text", text: "u", cache: {} }] }],
    };
    expect(messages(chat, to("openrouter"))).toEqual([
      {
        role: "system",
        content: [{ type: "text", text: "s", cache_control: { type: "ephemeral", ttl: "1h" } }],
      },
      { role: "user", content: [{ type: "text", text: "u", cache_control: { type: "ephemeral" } }] },
    ]);
    expect(JSON.stringify(messages(chat, to("openai")))).not.toContain("cache");
  });

  test("Mistral gets ids of nine characters, the same in call and result", () => {
    const sent = JSON.stringify(messages({ turns: loop }, to("mistral")));
    const ids = [...sent.matchAll(/"(?:tool_call_id|id)":"([^"]*)"/g)].map(([, id]) => id ?? "");
    expect(ids.every((id) => /^[A-Za-z0-9]{9}$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(2);
  });

  test("a tool that takes free text is a function where functions are all there is", () => {
    const tools: Chat["tools"] = [
      { type: "custom", name: "sql", format: { syntax: "regex", definition: "a+" } },
    ];
    const turns: Chat["turns"] = [
      {
        side: "assistant",
        parts: [{ type: "tool_call", id: "a", name: "sql", argumentsText: "SELECT", custom: true }],
      },
    ];
    expect(encode({ tools, turns }, to("compatible")).body).toMatchObject({
      tools: [{ type: "function", function: { name: "sql", parameters: { required: ["input"] } } }],
      messages: [{ tool_calls: [{ type: "function", function: { arguments: '{"input":"SELECT"}' } }] }],
    });
    expect(encode({ tools, turns }, to("openai")).body).toMatchObject({
      tools: [
        {
          type: "custom",
          custom: { name: "sql", format: { type: "grammar", grammar: { syntax: "regex" } } },
        },
      ],
      messages: [{ tool_calls: [{ type: "custom", custom: { input: "SELECT" } }] }],
    });
  });

  const choices: readonly (readonly [Chat["toolChoice"], Host, unknown])[] = [
    [{ mode: "required", allowed: ["f"] }, "openai", { type: "function", function: { name: "f" } }],
    [
      { mode: "auto", allowed: ["f"] },
      "openai",
      {
        type: "allowed_tools",
        allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "f" } }] },
      },
    ],
    [{ mode: "auto", allowed: ["f"] }, "compatible", "auto"],
    [{ mode: "required" }, "mistral", "any"],
    [{ mode: "none" }, "compatible", "none"],
  ];
  test.each(choices)("choice %j at %s", (toolChoice, host, expected) => {
    const tools: Chat["tools"] = [
      { type: "function", name: "f" },
      { type: "function", name: "g" },
    ];
    const { body } = encode({ tools, ...(toolChoice && { toolChoice }) }, to(host));
    expect<unknown>(body["tool_choice"]).toEqual(expected);
    const isCut = host === "compatible" && toolChoice?.allowed !== undefined;
    expect(body["tools"]).toHaveLength(isCut ? 1 : 2);
  });
});
