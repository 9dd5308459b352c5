/** The native lane changes only what policy owns. */
import { describe, expect, test } from "bun:test";
import type { JsonObject } from "#lib/json.ts";
import type { Dialect, RequestLine } from "#protocols/protocol.ts";
import { decodeRequest } from "./decode-request.ts";
import { patchRequest } from "./patch-request.ts";

const line: RequestLine = {
  headers: new Headers(),
  unseal: (text) =>
    text === "sealed" ? { kind: "anthropic_signature", vendor: "anthropic", data: "sig" } : undefined,
};
const openai: Dialect = { model: "gpt-5.2", vendor: "openai", route: "openai", host: "openai" };

function patch(raw: JsonObject, dialect: Partial<Dialect> = {}) {
  return patchRequest(raw, decodeRequest(raw, line), { ...openai, ...dialect });
}

describe("a patched body", () => {
  test("keeps unknown fields, nulls and the order of keys", () => {
    const raw = { zeta: [null], model: "m", user: null, input: "hi", alpha: { b: 1, a: null }, stream: true };
    const { body } = patch(raw);
    expect(JSON.stringify(body)).toBe(
      '{"zeta":[null],"model":"gpt-5.2","user":null,"input":"hi","alpha":{"b":1,"a":null},"stream":true,' +
        '"store":false,"include":["reasoning.encrypted_content"]}',
    );
  });

  const rows: readonly (readonly [
    name: string,
    raw: JsonObject,
    dialect: Partial<Dialect>,
    expected: JsonObject,
  ])[] = [
    ["stores where asked, and then needs no encrypted state", { store: true }, {}, { store: true }],
    ["says nothing of storing for background work", { background: true }, {}, { background: true }],
    [
      "adds to the caller's include",
      { include: ["web_search_call.action.sources"] },
      {},
      { store: false, include: ["web_search_call.action.sources", "reasoning.encrypted_content"] },
    ],
    ["asks a model without reasoning for no encrypted state", {}, { model: "gpt-4o" }, { store: false }],
    [
      "never stores at OpenRouter, which cannot",
      { store: true },
      { host: "openrouter" },
      { store: false, include: ["reasoning.encrypted_content"] },
    ],
  ];
  for (const [name, raw, dialect, expected] of rows) {
    test(name, () => {
      const { model: _, input: __, ...rest } = patch({ model: "m", input: "hi", ...raw }, dialect).body;
      expect(rest).toEqual(expected);
    });
  }

  test("leaves reasoning another vendor sealed out and says so; its own stays byte for byte", () => {
    const own = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAA" };
    const call = { type: "function_call", call_id: "c", name: "f", arguments: "{ }" };
    const foreign = { type: "reasoning", id: "rs_2", summary: [], encrypted_content: "sealed" };
    const { body, dropped } = patch({ model: "m", input: [own, call, foreign, { ...call, call_id: "d" }] });
    expect(body["input"]).toEqual([own, call, { ...call, call_id: "d" }]);
    expect(dropped).toEqual(["input[2]"]);
  });

  test("leaves out what the gateway wrote for another vendor's model and the upstream would look for", () => {
    const thought = { type: "reasoning", id: "rs_0aF1_0", summary: [{ type: "summary_text", text: "Hm" }] };
    const call = { type: "function_call", id: "fc_0aF1_1", call_id: "c", name: "f", arguments: "{}" };
    const { id: _, ...bareCall } = call;
    const own = { ...call, id: "fc_68a0f1" };
    const stored = { type: "item_reference", id: "rs_68a0f1" };
    const { body, dropped } = patch({ model: "m", input: [thought, call, own, stored] });
    expect(body["input"]).toEqual([bareCall, own, stored]);
    expect(dropped).toEqual(["input[0]"]);
  });

  test("is refused where OpenRouter would have to remember", () => {
    const fields: JsonObject = {
      previous_response_id: "resp_1",
      conversation: "conv_1",
      prompt: { id: "p" },
      background: true,
    };
    for (const [name, value] of Object.entries(fields)) {
      const attempt = () => patch({ model: "m", input: "hi", [name]: value }, { host: "openrouter" });
      expect(attempt).toThrow(expect.objectContaining({ kind: "unsupported", detail: { param: name } }));
      expect(patch({ model: "m", input: "hi", [name]: value }).body[name]).toEqual(value);
    }
  });
});
