/** Tools: their definitions, calls, results and choice. */
import type { JsonObject } from "#lib/json.ts";
import { PNG, settings, type GoldenCase } from "./golden-case.ts";

const schema = {
  type: "object",
  properties: { city: { type: "string", description: "Where" }, days: { type: "integer" } },
  required: ["city"],
};
const rich = {
  type: "object",
  properties: {
    at: { $ref: "#/$defs/place" },
    unit: { type: ["string", "null"], enum: ["C", "F", null] },
    mode: { const: "now" },
    when: { anyOf: [{ type: "string", format: "date-time" }, { type: "integer" }] },
  },
  required: ["at", "unit", "mode", "when"],
  additionalProperties: false,
  $defs: {
    place: {
      type: "object",
      properties: { name: { type: "string" } },
      required: ["name"],
      additionalProperties: false,
    },
  },
};
const empty = { type: "object", properties: {} };

const chatTool = (name: string, parameters: JsonObject, more: JsonObject = {}) => ({
  type: "function",
  function: { name, description: `The ${name}`, parameters, ...more },
});
const responsesTool = (name: string, parameters: JsonObject, strict = false) => ({
  type: "function",
  name,
  description: `The ${name}`,
  parameters,
  strict,
});
const messagesTool = (name: string, input_schema: JsonObject, more: JsonObject = {}) => ({
  name,
  description: `The ${name}`,
  input_schema,
  ...more,
});
const geminiTools = (...declared: readonly (readonly [string, JsonObject])[]) => [
  {
    functionDeclarations: declared.map(([name, parametersJsonSchema]) => ({
      name,
      description: `The ${name}`,
      parametersJsonSchema,
    })),
  },
];

const two = {
  chat: { tools: [chatTool("weather", schema), chatTool("clock", empty)] },
  responses: { tools: [responsesTool("weather", schema), responsesTool("clock", empty)] },
  messages: { tools: [messagesTool("weather", schema), messagesTool("clock", empty)] },
  gemini: { tools: geminiTools(["weather", schema], ["clock", empty]) },
};

/** The same choice in each API, with both tools there. */
function choice(
  feature: string,
  fields: {
    readonly chat: JsonObject;
    readonly responses: JsonObject;
    readonly messages?: JsonObject;
    readonly gemini?: JsonObject;
  },
): GoldenCase {
  return settings(feature, {
    chat: { ...two.chat, ...fields.chat },
    responses: { ...two.responses, ...fields.responses },
    ...(fields.messages && { messages: { ...two.messages, ...fields.messages } }),
    ...(fields.gemini && { gemini: { ...two.gemini, toolConfig: { functionCallingConfig: fields.gemini } } }),
  });
}

/** A question, one call of `clock`, its result as given. */
function answered(
  feature: string,
  results: {
    readonly chat?: JsonObject;
    readonly responses?: JsonObject;
    readonly messages?: JsonObject;
    readonly gemini?: JsonObject;
  },
): GoldenCase {
  const call = { name: "clock", arguments: "{}" };
  return settings(feature, {
    ...(results.chat && {
      chat: {
        ...two.chat,
        messages: [
          { role: "user", content: "Time?" },
          {
            role: "assistant",
            content: null,
            tool_calls: [{ id: "call_a", type: "function", function: call }],
          },
          { role: "tool", tool_call_id: "call_a", ...results.chat },
        ],
      },
    }),
    ...(results.responses && {
      responses: {
        ...two.responses,
        input: [
          { role: "user", content: "Time?" },
          { type: "function_call", call_id: "call_a", ...call },
          { type: "function_call_output", call_id: "call_a", ...results.responses },
        ],
      },
    }),
    ...(results.messages && {
      messages: {
        ...two.messages,
        messages: [
          { role: "user", content: "Time?" },
          { role: "assistant", content: [{ type: "tool_use", id: "call_a", name: "clock", input: {} }] },
          { role: "user", content: [{ type: "tool_result", tool_use_id: "call_a", ...results.messages }] },
        ],
      },
    }),
    ...(results.gemini && {
      gemini: {
        ...two.gemini,
        contents: [
          { role: "user", parts: [{ text: "Time?" }] },
          { role: "model", parts: [{ functionCall: { id: "call_a", name: "clock", args: {} } }] },
          { role: "user", parts: [{ functionResponse: { id: "call_a", name: "clock", ...results.gemini } }] },
        ],
      },
    }),
  });
}

export const toolCases: readonly GoldenCase[] = [
  settings("tools", two),
  settings("tools with rich schemas, strict", {
    chat: { tools: [chatTool("plan", rich, { strict: true })] },
    responses: { tools: [responsesTool("plan", rich, true)] },
    messages: { tools: [messagesTool("plan", rich, { strict: true })] },
    gemini: {
      tools: geminiTools(["plan", rich]),
      toolConfig: { functionCallingConfig: { mode: "VALIDATED" } },
    },
  }),
  settings("parallel calls and their results", {
    chat: {
      ...two.chat,
      messages: [
        { role: "user", content: "Weather and time?" },
        {
          role: "assistant",
          content: "Let me see.",
          tool_calls: [
            { id: "call_a", type: "function", function: { name: "weather", arguments: '{"city":"Oslo"}' } },
            { id: "call_b", type: "function", function: { name: "clock", arguments: "{}" } },
          ],
        },
        { role: "tool", tool_call_id: "call_a", content: "4 C" },
        { role: "tool", tool_call_id: "call_b", content: "12:00" },
      ],
    },
    responses: {
      ...two.responses,
      input: [
        { role: "user", content: "Weather and time?" },
        { role: "assistant", content: "Let me see." },
        { type: "function_call", call_id: "call_a", name: "weather", arguments: '{"city":"Oslo"}' },
        { type: "function_call", call_id: "call_b", name: "clock", arguments: "{}" },
        { type: "function_call_output", call_id: "call_a", output: "4 C" },
        { type: "function_call_output", call_id: "call_b", output: "12:00" },
      ],
    },
    messages: {
      ...two.messages,
      messages: [
        { role: "user", content: "Weather and time?" },
        {
          role: "assistant",
          content: [
            { type: "text", text: "Let me see." },
            { type: "tool_use", id: "call_a", name: "weather", input: { city: "Oslo" } },
            { type: "tool_use", id: "call_b", name: "clock", input: {} },
          ],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "call_a", content: "4 C" },
            { type: "tool_result", tool_use_id: "call_b", content: [{ type: "text", text: "12:00" }] },
          ],
        },
      ],
    },
    gemini: {
      ...two.gemini,
      contents: [
        { role: "user", parts: [{ text: "Weather and time?" }] },
        {
          role: "model",
          parts: [
            { text: "Let me see." },
            { functionCall: { id: "call_a", name: "weather", args: { city: "Oslo" } } },
            { functionCall: { id: "call_b", name: "clock", args: {} } },
          ],
        },
        {
          role: "user",
          parts: [
            { functionResponse: { id: "call_a", name: "weather", response: { output: "4 C" } } },
            { functionResponse: { id: "call_b", name: "clock", response: { output: "12:00" } } },
          ],
        },
      ],
    },
  }),
  answered("tool result with a picture", {
    chat: {
      content: [
        { type: "text", text: "See:" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
      ],
    },
    responses: {
      output: [
        { type: "input_text", text: "See:" },
        { type: "input_image", image_url: `data:image/png;base64,${PNG}` },
      ],
    },
    messages: {
      content: [
        { type: "text", text: "See:" },
        { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
      ],
    },
    gemini: {
      response: { output: "See:" },
      parts: [{ inlineData: { mimeType: "image/png", data: PNG } }],
    },
  }),
  answered("tool result that is an error", {
    messages: { content: "No clock here.", is_error: true },
    gemini: { response: { error: "No clock here." } },
  }),
  answered("tool result that is an object", { gemini: { response: { hour: 12, zone: { name: "CET" } } } }),
  answered("tool result that is empty", {
    chat: { content: "" },
    responses: { output: "" },
    messages: {},
    gemini: { response: {} },
  }),
  choice("tool choice: none", {
    chat: { tool_choice: "none" },
    responses: { tool_choice: "none" },
    messages: { tool_choice: { type: "none" } },
    gemini: { mode: "NONE" },
  }),
  choice("tool choice: required", {
    chat: { tool_choice: "required" },
    responses: { tool_choice: "required" },
    messages: { tool_choice: { type: "any" } },
    gemini: { mode: "ANY" },
  }),
  choice("tool choice: one tool", {
    chat: { tool_choice: { type: "function", function: { name: "clock" } } },
    responses: { tool_choice: { type: "function", name: "clock" } },
    messages: { tool_choice: { type: "tool", name: "clock" } },
    gemini: { mode: "ANY", allowedFunctionNames: ["clock"] },
  }),
  choice("tool choice: some of the tools", {
    chat: {
      tool_choice: {
        type: "allowed_tools",
        allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "clock" } }] },
      },
    },
    responses: {
      tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "clock" }] },
    },
  }),
  choice("one call at a time", {
    chat: { parallel_tool_calls: false },
    responses: { parallel_tool_calls: false },
    messages: { tool_choice: { type: "auto", disable_parallel_tool_use: true } },
  }),
  settings("custom tools", {
    chat: {
      tools: [{ type: "custom", custom: { name: "sql", description: "Runs SQL" } }],
      messages: [
        { role: "user", content: "Rows?" },
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id: "call_a", type: "custom", custom: { name: "sql", input: "SELECT 1" } }],
        },
        { role: "tool", tool_call_id: "call_a", content: "1" },
      ],
    },
    responses: {
      tools: [
        {
          type: "custom",
          name: "sql",
          description: "Runs SQL",
          format: { type: "grammar", syntax: "regex", definition: "SELECT .*" },
        },
      ],
      input: [
        { role: "user", content: "Rows?" },
        { type: "custom_tool_call", call_id: "call_a", name: "sql", input: "SELECT 1" },
        { type: "custom_tool_call_output", call_id: "call_a", output: "1" },
      ],
    },
  }),
  settings("hosted web search", {
    chat: { web_search_options: { search_context_size: "low" } },
    responses: { tools: [{ type: "web_search", search_context_size: "low" }] },
    messages: { tools: [{ type: "web_search_20250305", name: "web_search", max_uses: 2 }] },
    gemini: { tools: [{ googleSearch: {} }] },
  }),
  settings("hosted code", {
    responses: { tools: [{ type: "code_interpreter", container: { type: "auto" } }] },
    messages: { tools: [{ type: "code_execution_20250825", name: "code_execution" }] },
    gemini: { tools: [{ codeExecution: {} }] },
  }),
  settings("remote MCP servers", {
    responses: {
      tools: [
        {
          type: "mcp",
          server_label: "docs",
          server_url: "https://example.com/mcp",
          require_approval: "never",
        },
      ],
    },
  }),
];
