/** `demo-vision`: says what was shown to it, from the bytes themselves, so that a test sees what arrived upstream. */
import type { Conversation, Item } from "./conversation.ts";
import { lastUserText } from "./conversation.ts";

type MediaItem = Extract<Item, { kind: "media" }>;

export function answerVision(conversation: Conversation): string {
  const media = conversation.items.filter((item) => item.kind === "media");
  const seen = media.map((item, index) => `${index + 1}. ${describe(item)}`).join(" ");
  const said = lastUserText(conversation);
  const intro = media.length === 0 ? "I see no media." : `I see ${media.length}: ${seen}`;
  return said === "" ? intro : `${intro} You asked: "${said}"`;
}

function describe(item: MediaItem): string {
  const title = item.title === undefined ? "" : ` titled "${item.title}"`;
  if (item.data === undefined) {
    const mime = item.mime === undefined ? "" : ` of type ${item.mime}`;
    return `${item.medium}${mime}${title} at ${item.url ?? "nowhere"}.`;
  }
  const bytes = Buffer.from(item.data, "base64");
  const size = readPngSize(bytes);
  return `${item.medium} of type ${item.mime ?? "unknown"}${title}, ${bytes.length} bytes${size}.`;
}

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Signature, chunk length and name, then width and height. */
const PNG_WIDTH_AT = 16;

function readPngSize(bytes: Buffer): string {
  if (bytes.length < PNG_WIDTH_AT + 8 || !bytes.subarray(0, 8).equals(PNG_SIGNATURE)) return "";
  return `, ${bytes.readUInt32BE(PNG_WIDTH_AT)} x ${bytes.readUInt32BE(PNG_WIDTH_AT + 4)} pixels`;
}
