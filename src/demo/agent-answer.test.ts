/** demo-agent, driven the way Claude Code, Codex CLI and Gemini CLI drive their models. */
import { describe, expect, test } from "bun:test";
import { asArray, asObject, asString, parseJson, type Json, type JsonObject } from "#lib/json.ts";
import { createDemoUpstream } from "./demo-upstream.ts";

const demo = createDemoUpstream();
const PROMPT = 'Please write notes/a.txt with content "hello demo" and then read it back.';

async function ask(path: string, body: object): Promise<JsonObject> {
  const response = await demo.fetch(
    new Request(`http://demo${path}`, { method: "POST", body: JSON.stringify(body) }),
  );
  return asObject(parseJson(await response.text())) ?? {};
}

const string = { type: "string" };
function objectSchema(properties: JsonObject, required: readonly string[]): JsonObject {
  return { type: "object", properties, required, additionalProperties: false };
}

const claudeTools = [
  { name: "Bash", input_schema: objectSchema({ command: string, description: string }, ["command"]) },
  {
    name: "Read",
    input_schema: objectSchema({ file_path: string, limit: { type: "number" } }, ["file_path"]),
  },
  {
    name: "Write",
    input_schema: objectSchema({ file_path: string, content: string }, ["file_path", "content"]),
  },
];

describe("as Claude Code's model", () => {
  const system = [
    { type: "text", text: "You are an agent.\n<env>\nWorking directory: /home/me/project\n</env>" },
  ];
  const start = {
    role: "user",
    content: [
      { type: "text", text: "<system-reminder>Be kind.</system-reminder>" },
      { type: "text", text: PROMPT },
    ],
  };
  const askClaude = (messages: readonly Json[]) =>
    ask("/v1/messages?beta=true", {
      model: "demo-agent",
      max_tokens: 100,
      system,
      tools: claudeTools,
      messages,
    });
  const call = (id: string, name: string, input: JsonObject) => ({
    role: "assistant",
    content: [{ type: "tool_use", id, name, input }],
  });
  const result = (id: string, content: string) => ({
    role: "user",
    content: [
      { type: "tool_result", tool_use_id: id, content },
      { type: "text", text: "<system-reminder>The todo list is empty.</system-reminder>" },
    ],
  });

  test("it writes the file, reads it and reports, whatever reminders stand between", async () => {
    const path = "/home/me/project/notes/a.txt";
    const written = { file_path: path, content: "hello demo" };
    const first = await askClaude([start]);
    expect(first.content).toMatchObject([{ type: "tool_use", name: "Write", input: written }]);
    const afterWrite = [start, call("t1", "Write", written), result("t1", "File created")];
    const second = await askClaude(afterWrite);
    expect(second.content).toMatchObject([{ type: "tool_use", name: "Read", input: { file_path: path } }]);
    const afterRead = [...afterWrite, call("t2", "Read", { file_path: path }), result("t2", "1\thello demo")];
    const third = await askClaude(afterRead);
    expect(third.content).toMatchObject([{ type: "text", text: `Done. ${path} reads: 1\thello demo` }]);
    const thanks = [
      ...afterRead,
      { role: "assistant", content: "Done." },
      { role: "user", content: "thanks" },
    ];
    expect((await askClaude(thanks)).content).toMatchObject([{ type: "text", text: "Demo agent ready." }]);
  });

  test("titles and quota checks get plain text, schemas are obeyed", async () => {
    const title = await ask("/v1/messages", {
      model: "demo-agent",
      max_tokens: 50,
      messages: [{ role: "user", content: `Write a title for: ${PROMPT}` }],
    });
    expect(title.content).toMatchObject([{ type: "text", text: "Demo task: notes/a.txt" }]);
    const json = await ask("/v1/messages", {
      model: "demo-agent",
      max_tokens: 50,
      messages: [{ role: "user", content: PROMPT }],
      output_config: { format: { type: "json_schema", schema: objectSchema({ title: string }, ["title"]) } },
    });
    expect(json.content).toMatchObject([{ type: "text", text: '{"title":"demo title"}' }]);
    const quota = { model: "demo-agent", max_tokens: 1, messages: [{ role: "user", content: "quota" }] };
    expect((await ask("/v1/messages", quota)).stop_reason).toBe("max_tokens");
  });
});

describe("as Codex CLI's model", () => {
  const command = { type: "array", items: string };
  const tools: readonly [string, JsonObject, JsonObject][] = [
    [
      "shell",
      {
        type: "function",
        name: "shell",
        parameters: objectSchema({ command, workdir: string }, ["command"]),
      },
      { command: ["bash", "-lc", "cat '/repo/notes/a.txt'"] },
    ],
    [
      "exec_command",
      {
        type: "function",
        name: "exec_command",
        parameters: objectSchema({ cmd: string, workdir: string }, ["cmd"]),
      },
      { cmd: "cat '/repo/notes/a.txt'" },
    ],
    [
      "shell_command",
      { type: "function", name: "shell_command", parameters: objectSchema({ command: string }, ["command"]) },
      { command: "cat '/repo/notes/a.txt'" },
    ],
  ];
  const input = [
    { role: "developer", content: [{ type: "input_text", text: "Be careful." }] },
    {
      role: "user",
      content: [{ type: "input_text", text: "<environment_context><cwd>/repo</cwd></environment_context>" }],
    },
    { role: "user", content: [{ type: "input_text", text: PROMPT }] },
  ];

  test.each(tools)("it writes and reads with %s", async (name, tool, readArguments) => {
    const plan = { type: "function", name: "update_plan", parameters: objectSchema({}, []) };
    const askCodex = (items: readonly Json[]) =>
      ask("/v1/responses", { model: "demo-agent", instructions: "x", tools: [plan, tool], input: items });
    const first = asObject(asArray((await askCodex(input)).output)[0]);
    expect(first).toMatchObject({ type: "function_call", name });
    expect(asString(first?.arguments)).toContain(`printf '%s\\\\n' 'hello demo' > '/repo/notes/a.txt'`);
    const answered = [
      ...input,
      first ?? {},
      { type: "function_call_output", call_id: first?.call_id, output: "" },
    ];
    const second = asObject(asArray((await askCodex(toJson(answered))).output)[0]);
    expect(parseJson(asString(second?.arguments) ?? "")).toEqual(readArguments);
    const done = [
      ...answered,
      second ?? {},
      { type: "function_call_output", call_id: second?.call_id, output: "hello demo" },
    ];
    const third = await askCodex(toJson(done));
    expect(third.output).toMatchObject([
      { type: "message", content: [{ text: "Done. /repo/notes/a.txt reads: hello demo" }] },
    ]);
  });

  test("with nothing but apply_patch it adds the file by a patch, in free text", async () => {
    const tools = [{ type: "custom", name: "apply_patch", format: { type: "text" } }];
    const answer = await ask("/v1/responses", { model: "demo-agent", tools, input });
    expect(answer.output).toMatchObject([
      {
        type: "custom_tool_call",
        name: "apply_patch",
        input: "*** Begin Patch\n*** Add File: /repo/notes/a.txt\n+hello demo\n*** End Patch\n",
      },
    ]);
  });
});

test("as Gemini CLI's model it writes, reads and reports", async () => {
  const parametersJsonSchema = objectSchema({ file_path: string, content: string }, ["file_path", "content"]);
  const tools = [
    {
      functionDeclarations: [
        {
          name: "read_file",
          parametersJsonSchema: objectSchema({ absolute_path: string }, ["absolute_path"]),
        },
        { name: "write_file", parametersJsonSchema },
        { name: "run_shell_command", parametersJsonSchema: objectSchema({ command: string }, ["command"]) },
      ],
    },
  ];
  const start = [
    {
      role: "user",
      parts: [{ text: "This is the Gemini CLI.\nI'm currently working in the directory: /repo\n" }],
    },
    { role: "model", parts: [{ text: "Got it. Thanks for the context!" }] },
    { role: "user", parts: [{ text: PROMPT }] },
  ];
  const askGemini = async (contents: readonly Json[]): Promise<JsonObject> => {
    const answer = await ask("/v1beta/models/demo-agent:generateContent", { contents, tools });
    return asObject(asObject(asArray(answer.candidates)[0])?.content) ?? {};
  };
  const result = (name: string, output: string) => ({
    role: "user",
    parts: [{ functionResponse: { name, response: { output } } }],
  });
  const path = "/repo/notes/a.txt";
  const first = await askGemini(start);
  expect(first.parts).toMatchObject([
    { functionCall: { name: "write_file", args: { file_path: path, content: "hello demo" } } },
  ]);
  const second = await askGemini([...start, first, result("write_file", "ok")]);
  expect(second.parts).toMatchObject([
    { functionCall: { name: "read_file", args: { absolute_path: path } } },
  ]);
  const third = await askGemini([
    ...start,
    first,
    result("write_file", "ok"),
    second,
    result("read_file", "hello demo"),
  ]);
  expect(third.parts).toMatchObject([{ text: `Done. ${path} reads: hello demo` }]);
});

function toJson(items: readonly object[]): readonly Json[] {
  return asArray(parseJson(JSON.stringify(items)));
}
