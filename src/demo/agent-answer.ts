/**
 * `demo-agent`: drives a coding agent through a small real task, with the agent's own tools. A prompt that says
 * `write FILE with content "TEXT"` leads to a call that writes the file, one that reads it back, and a text that
 * quotes what was read. Everything else (titles, quota checks, summaries) is answered with plain text.
 *
 * Tools are recognised by name (Claude Code, Codex CLI, Gemini CLI and their like), their arguments by the
 * schema's own property names, since those change between versions.
 */
import { asObject, type JsonObject, type MutableJsonObject } from "#lib/json.ts";
import { lookUp } from "#lib/look-up.ts";
import type { Conversation, ReplyPart, Tool } from "./conversation.ts";
import { sampleJson } from "./sample-json.ts";
import { callId, resultsOfLoop, runningTurn } from "./tool-answer.ts";

interface Task {
  readonly path: string;
  readonly content: string;
}

const TASK =
  /\bwrite\s+[`'"]?(?<path>[\w./\\~-]+)[`'"]?\s+with\s+(?:the\s+)?content\s+["“'`](?<content>[^"”`]+?)["”'`](?![\w])/i;

export function answerAgent(conversation: Conversation, serial: string): readonly ReplyPart[] {
  if (conversation.schema !== undefined) return say(JSON.stringify(sampleJson(conversation.schema)));
  const task = findTask(conversation);
  if (task === undefined) return say("Demo agent ready.");
  const results = resultsOfLoop(conversation);
  if (!conversation.mayCall || conversation.tools.length === 0) return say(`Demo task: ${task.path}`);
  if (results.length === 0) return callOrSay(planWrite(conversation.tools, task), serial);
  if (results.length === 1) return callOrSay(planRead(conversation.tools, task), serial);
  const read = results.at(-1)?.text ?? "";
  return say(`Done. ${task.path} reads: ${read}`);
}

function findTask(conversation: Conversation): Task | undefined {
  for (const item of runningTurn(conversation).toReversed()) {
    if (item.kind !== "text" || item.role !== "user") continue;
    const groups = TASK.exec(item.text)?.groups;
    if (groups?.path !== undefined && groups.content !== undefined) {
      return { path: resolvePath(groups.path, conversation), content: groups.content };
    }
  }
  return undefined;
}

/** How Claude Code, Codex CLI and Gemini CLI tell their model where they are. */
const WORKING_DIRECTORY =
  /(?:working directory:\s*|<cwd>|working in the (?:following )?director(?:y|ies):\s*(?:- )?)(?<directory>\/[^\s<]*)/i;

/** Some tools insist on absolute paths. */
function resolvePath(path: string, conversation: Conversation): string {
  if (path.startsWith("/") || path.startsWith("~")) return path;
  for (const item of conversation.items) {
    const directory = item.kind === "text" ? WORKING_DIRECTORY.exec(item.text)?.groups?.directory : undefined;
    if (directory !== undefined) return `${directory.replace(/[/.,]+$/, "")}/${path}`;
  }
  return path;
}

interface Step {
  readonly tool: Tool;
  /** An object for ordinary tools, text for free-text ones. */
  readonly input: JsonObject | string;
}

const WRITE_TOOLS = ["write", "write_file", "writefile", "create_file"];
const READ_TOOLS = ["read", "read_file", "readfile", "view"];
const SHELL_TOOLS = [
  "bash",
  "exec_command",
  "shell_command",
  "shell",
  "local_shell",
  "run_shell_command",
  "container.exec",
];
const PATCH_TOOLS = ["apply_patch"];

function planWrite(tools: readonly Tool[], task: Task): Step | undefined {
  const writer = findTool(tools, WRITE_TOOLS);
  if (writer) return { tool: writer, input: fill(writer, { path: task.path, content: task.content }) };
  const shell = planShell(tools, `printf '%s\\n' ${quote(task.content)} > ${quote(task.path)}`);
  if (shell) return shell;
  const patcher = findTool(tools, PATCH_TOOLS);
  if (!patcher) return undefined;
  const patch = `*** Begin Patch\n*** Add File: ${task.path}\n+${task.content}\n*** End Patch\n`;
  return { tool: patcher, input: patcher.isFreeText ? patch : fill(patcher, { patch }) };
}

function planRead(tools: readonly Tool[], task: Task): Step | undefined {
  const reader = findTool(tools, READ_TOOLS);
  if (reader) return { tool: reader, input: fill(reader, { path: task.path }) };
  return planShell(tools, `cat ${quote(task.path)}`);
}

function planShell(tools: readonly Tool[], command: string): Step | undefined {
  const shell = findTool(tools, SHELL_TOOLS);
  return shell && { tool: shell, input: shell.isFreeText ? command : fill(shell, { command }) };
}

function findTool(tools: readonly Tool[], names: readonly string[]): Tool | undefined {
  for (const name of names) {
    const tool = tools.find((candidate) => candidate.name.toLowerCase() === name);
    if (tool) return tool;
  }
  return undefined;
}

interface Meanings {
  readonly path?: string;
  readonly content?: string;
  readonly command?: string;
  readonly patch?: string;
}

const PROPERTY_MEANINGS: Readonly<Record<string, keyof Meanings>> = {
  file_path: "path",
  path: "path",
  absolute_path: "path",
  filename: "path",
  content: "content",
  contents: "content",
  file_text: "content",
  command: "command",
  cmd: "command",
  input: "patch",
  patch: "patch",
};

/** Sets the properties whose meaning is known and whatever else the schema requires. */
function fill(tool: Tool, meanings: Meanings): JsonObject {
  const properties = asObject(tool.schema.properties) ?? {};
  const required = tool.schema.required;
  const made: MutableJsonObject = {};
  for (const [name, property] of Object.entries(properties)) {
    const schema = asObject(property) ?? {};
    const meaning = lookUp(PROPERTY_MEANINGS, name);
    const value = meaning === undefined ? undefined : meanings[meaning];
    if (value !== undefined) made[name] = isArraySchema(schema) ? ["bash", "-lc", value] : value;
    else if (Array.isArray(required) && required.includes(name)) made[name] = sampleJson(schema);
  }
  return made;
}

function isArraySchema(schema: JsonObject): boolean {
  return typeof schema.type === "string" && schema.type.toLowerCase() === "array";
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function callOrSay(step: Step | undefined, serial: string): readonly ReplyPart[] {
  if (step === undefined) return say("Demo agent: none of the offered tools writes or reads files.");
  const input = typeof step.input === "string" ? step.input : JSON.stringify(step.input);
  return [
    { kind: "call", id: callId(serial, 0), name: step.tool.name, input, isFreeText: step.tool.isFreeText },
  ];
}

function say(text: string): readonly ReplyPart[] {
  return [{ kind: "text", text }];
}
