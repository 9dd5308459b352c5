/** Input items to turns. */
import { describe, expect, test } from "bun:test";
import type { Json, JsonObject } from "#lib/json.ts";
import type { Chat, Opaque } from "#model/chat.ts";
import type { RequestLine } from "#protocols/protocol.ts";
import { decodeRequest } from "./decode-request.ts";

const sealed: ReadonlyMap<string, Opaque> = new Map([
  ["sealed-google", { kind: "google_thought_signature", vendor: "google", data: "G==" }],
  ["sealed-claude", { kind: "anthropic_signature", vendor: "anthropic", data: "C==" }],
]);
const line: RequestLine = { headers: new Headers(), unseal: (text) => sealed.get(text) };

function decode(body: JsonObject): Chat {
  return decodeRequest({ model: "m", input: "hi", ...body }, line);
}

function turns(...input: Json[]) {
  return decode({ input }).turns;
}

describe("input", () => {
  const user = { role: "user", content: "hi" };
  const call = { type: "function_call", call_id: "call_a", name: "f", arguments: "{}" };
  const rows: (readonly [name: string, input: readonly Json[], turns: unknown])[] = [
    ["an easy message is a user turn", [user], [{ side: "user", parts: [{ type: "text", text: "hi" }] }]],
    [
      "an image by URL, by data URL and by id",
      [
        {
          role: "user",
          content: [
            { type: "input_image", image_url: "https://x.test/a.png", detail: "low" },
            { type: "input_image", image_url: "data:image/jpg;base64,AAAA" },
            { type: "input_image", file_id: "file-1" },
          ],
        },
      ],
      [
        {
          side: "user",
          parts: [
            { type: "image", media: { from: "url", url: "https://x.test/a.png" }, detail: "low" },
            { type: "image", media: { from: "base64", mime: "image/jpeg", data: "AAAA" } },
            { type: "image", media: { from: "file", id: "file-1", vendor: "openai" } },
          ],
        },
      ],
    ],
    [
      "a file by data URL, bare base64, URL and id",
      [
        {
          role: "user",
          content: [
            { type: "input_file", file_data: "data:application/pdf;base64,AAAA", filename: "a.pdf" },
            { type: "input_file", file_data: "JVBERi0=" },
            { type: "input_file", file_url: "https://x.test/a.pdf" },
            { type: "input_file", file_id: "file-2" },
            { type: "input_file", file_data: "data:text/plain,caf%C3%A9" },
          ],
        },
      ],
      [
        {
          side: "user",
          parts: [
            {
              type: "document",
              media: { from: "base64", mime: "application/pdf", data: "AAAA" },
              filename: "a.pdf",
            },
            { type: "document", media: { from: "base64", mime: "application/pdf", data: "JVBERi0=" } },
            { type: "document", media: { from: "url", url: "https://x.test/a.pdf" } },
            { type: "document", media: { from: "file", id: "file-2", vendor: "openai" } },
            { type: "document", media: { from: "base64", mime: "text/plain", data: "Y2Fmw6k=" } },
          ],
        },
      ],
    ],
    [
      "audio",
      [{ role: "user", content: [{ type: "input_audio", input_audio: { data: "AA", format: "wav" } }] }],
      [
        {
          side: "user",
          parts: [{ type: "audio", media: { from: "base64", mime: "audio/wav", data: "AA" } }],
        },
      ],
    ],
    [
      "assistant items in a row are one turn, results in a row another, with the call's name",
      [
        { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "enc" },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "One moment." }] },
        call,
        { ...call, call_id: "call_b", name: "g" },
        { type: "function_call_output", call_id: "call_a", output: "4" },
        {
          type: "function_call_output",
          call_id: "call_b",
          output: [{ type: "input_image", image_url: "data:image/png;base64,AAAA" }],
        },
      ],
      [
        {
          side: "assistant",
          parts: [
            {
              type: "reasoning",
              id: "rs_1",
              kind: "redacted",
              signature: { kind: "openai_encrypted", vendor: "openai", data: "enc" },
            },
            { type: "text", text: "One moment." },
            expect.objectContaining({ type: "tool_call", id: "call_a", name: "f", argumentsText: "{}" }),
            expect.objectContaining({ type: "tool_call", id: "call_b", name: "g" }),
          ],
        },
        {
          side: "user",
          parts: [
            { type: "tool_result", callId: "call_a", name: "f", content: [{ type: "text", text: "4" }] },
            {
              type: "tool_result",
              callId: "call_b",
              name: "g",
              content: [{ type: "image", media: { from: "base64", mime: "image/png", data: "AAAA" } }],
            },
          ],
        },
      ],
    ],
    [
      "a message of another phase begins a turn of its own",
      [
        { role: "assistant", content: "Looking.", phase: "commentary" },
        { role: "assistant", content: "Done.", phase: "final_answer" },
      ],
      [
        { side: "assistant", parts: [{ type: "text", text: "Looking." }], phase: "commentary" },
        { side: "assistant", parts: [{ type: "text", text: "Done." }], phase: "final_answer" },
      ],
    ],
    [
      "one reasoning item with two summaries keeps its state on the last",
      [
        {
          type: "reasoning",
          id: "rs_1",
          summary: [
            { type: "summary_text", text: "A" },
            { type: "summary_text", text: "B" },
          ],
          encrypted_content: "enc",
        },
      ],
      [
        {
          side: "assistant",
          parts: [
            { type: "reasoning", id: "rs_1", kind: "summary", text: "A" },
            {
              type: "reasoning",
              id: "rs_1",
              kind: "summary",
              text: "B",
              signature: { kind: "openai_encrypted", vendor: "openai", data: "enc" },
            },
          ],
        },
      ],
    ],
    [
      "sealed state of another vendor is opened",
      [
        {
          type: "reasoning",
          id: "rs_1",
          summary: [{ type: "summary_text", text: "A" }],
          encrypted_content: "sealed-claude",
        },
      ],
      [
        {
          side: "assistant",
          parts: [
            {
              type: "reasoning",
              id: "rs_1",
              kind: "summary",
              text: "A",
              signature: sealed.get("sealed-claude"),
            },
          ],
        },
      ],
    ],
    [
      "Google's signature goes back onto the call behind it, or where it came late, before it",
      [
        { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "sealed-google" },
        call,
        { ...call, call_id: "call_b" },
        { type: "reasoning", id: "rs_2_prev", summary: [], encrypted_content: "sealed-google" },
      ],
      [
        {
          side: "assistant",
          parts: [
            expect.objectContaining({ id: "call_a", signature: sealed.get("sealed-google") }),
            expect.objectContaining({ id: "call_b", signature: sealed.get("sealed-google") }),
          ],
        },
      ],
    ],
    [
      "a custom tool's call and answer",
      [
        { type: "custom_tool_call", call_id: "c", name: "sql", input: "select 1" },
        { type: "custom_tool_call_output", call_id: "c", output: "1" },
      ],
      [
        {
          side: "assistant",
          parts: [expect.objectContaining({ id: "c", name: "sql", argumentsText: "select 1", custom: true })],
        },
        {
          side: "user",
          parts: [
            {
              type: "tool_result",
              callId: "c",
              name: "sql",
              custom: true,
              content: [{ type: "text", text: "1" }],
            },
          ],
        },
      ],
    ],
    [
      "hosted calls stay with the assistant, their answers with the user",
      [
        { type: "shell_call", call_id: "s", action: {} },
        { type: "shell_call_output", call_id: "s", output: [] },
      ],
      [
        {
          side: "assistant",
          parts: [
            {
              type: "hosted",
              protocol: "openai-responses",
              value: { type: "shell_call", call_id: "s", action: {} },
            },
          ],
        },
        {
          side: "user",
          parts: [
            {
              type: "unknown",
              protocol: "openai-responses",
              value: { type: "shell_call_output", call_id: "s", output: [] },
              path: "input[1]",
            },
          ],
        },
      ],
    ],
    [
      "instructions in mid-conversation keep their place",
      [user, { role: "developer", content: "Be brief." }],
      [
        { side: "user", parts: [{ type: "text", text: "hi" }] },
        { side: "system", parts: [{ text: "Be brief.", role: "developer" }] },
      ],
    ],
  ];
  const picture = {
    role: "developer",
    content: [{ type: "input_image", image_url: "https://x.test/a.png" }],
  };
  const future = { role: "assistant", content: [{ type: "output_hologram", data: "x" }] };
  rows.push(
    [
      "instructions with a picture are kept whole for this API alone",
      [picture],
      [
        {
          side: "user",
          parts: [{ type: "unknown", protocol: "openai-responses", value: picture, path: "input[0]" }],
        },
      ],
    ],
    [
      "so is a message of an unknown kind",
      [future],
      [{ side: "assistant", parts: [{ type: "hosted", protocol: "openai-responses", value: future }] }],
    ],
  );
  for (const [name, input, expected] of rows) {
    test(name, () => {
      expect(turns(...input)).toEqual(expected as never);
    });
  }

  test("instructions come before leading system and developer messages", () => {
    const chat = decode({
      instructions: "One.",
      input: [{ role: "developer", content: "Two." }, { role: "system", content: "Three." }, user],
    });
    expect(chat.system).toEqual([
      { text: "One.", role: "system" },
      { text: "Two.", role: "developer" },
      { text: "Three.", role: "system" },
    ]);
    expect(chat.turns).toHaveLength(1);
  });
});
