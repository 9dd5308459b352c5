/**
 * A tool result as `functionResponse`. The response must be an object: text goes under `output`, failures under
 * `error`, which are the keys Google documents. Media go inside from Gemini 3 on, and beside it before.
 */
import type { JsonObject } from "#lib/json.ts";
import type { ToolResultPart, UserPart } from "#model/chat.ts";
import { isOwnCallId } from "./call-id.ts";
import type { ToolContext } from "./encode-tools.ts";

export interface ResultContext extends ToolContext {
  readonly name: string;
  readonly path: string;
  readonly encodePart: (part: UserPart, path: string, context: ToolContext) => readonly JsonObject[];
}

export function encodeToolResult(part: ToolResultPart, context: ResultContext): readonly JsonObject[] {
  const texts = part.content.flatMap((content) => (content.type === "text" ? [content.text] : []));
  const media = part.content
    .filter((content) => content.type !== "text")
    .flatMap((content, index) => context.encodePart(content, `${context.path}.content[${index}]`, context));
  const inside = context.rules.takesMediaInResults ? media.filter(canStandInside) : [];
  const beside = media.filter((wire) => !inside.includes(wire));
  const response = part.structured ?? { [part.isError ? "error" : "output"]: texts.join("\n") };
  const sendsId = context.dialect.host !== "vertex" && isOwnCallId(part.callId);
  const functionResponse = {
    ...(sendsId && { id: part.callId }),
    name: context.name,
    response,
    ...(inside.length > 0 && { parts: inside }),
  };
  return [{ functionResponse }, ...beside];
}

/** Images, PDF and plain text; sound and film are refused inside results. */
const INSIDE = /^(image\/(png|jpeg|webp)|application\/pdf|text\/plain)$/;

function canStandInside(part: JsonObject): boolean {
  const data = part["inlineData"] ?? part["fileData"];
  if (typeof data !== "object" || data === null || !("mimeType" in data)) return false;
  return typeof data.mimeType === "string" && INSIDE.test(data.mimeType);
}
