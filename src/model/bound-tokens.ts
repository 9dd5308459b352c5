/**
 * The most tokens a prompt can be: what money is held for before anybody has counted. `estimateTokens` says what is
 * likely; this must not be less than what a provider will charge.
 *
 * Text: no tokenizer makes more than one token of a byte of UTF-8, because every vocabulary falls back to bytes. That
 * bound is taken as it is outside ASCII, where a rare character really does become one token for each of its bytes
 * (three for a Han character), and for digits and punctuation, which some tokenizers never merge. Only Latin letters
 * and spaces, which all of them merge into words, count as a third of a token.
 *
 * Media: what a picture costs does not grow with its bytes, so its base64 is not counted as text.
 */
import type { AssistantPart, Chat, Media, ToolResultPart, UserPart } from "./chat.ts";

/** Pictures: 10,000 patches is OpenAI's `original` detail; Anthropic and Google stay below it at any size. */
const IMAGE_TOKENS_MAX = 10_000;
/** But gpt-4o-mini counts a tile as 5,667 tokens and has up to eight of them. */
const IMAGE_TOKENS_MAX_MINI = 50_000;
const MINI = /gpt-4o-mini/;
/** A hundred pages, read both as text and as pictures. */
const DOCUMENT_TOKENS_MAX = 500_000;
/** The largest prompts there are: how long a recording behind a URL is, nobody knows beforehand. */
const RECORDING_TOKENS_MAX = 1_000_000;
/** Google's 300 tokens for a second of video, at a bit rate nothing recognisable is below. */
const RECORDING_CHARS_PER_TOKEN = 16;
const WORD_CHARS_PER_TOKEN = 3;
/** Shorter than this it is no file. */
const MEDIA_CHARS_MIN = 64;

export interface Prompt {
  /** The request's whole body: schemas and fields without a canonical name cost tokens too. */
  readonly text: string;
  readonly chat?: Pick<Chat, "turns"> | undefined;
  /** The upstream models that may answer. */
  readonly targets: readonly { readonly model: string }[];
}

export function boundTokens({ text, chat, targets }: Prompt): number {
  const files: File[] = [];
  for (const turn of chat?.turns ?? []) addFilesOfTurn(turn, files);
  if (files.length === 0) return Math.ceil(textTokens(text, 0, text.length));
  const imageTokens = targets.some(({ model }) => MINI.test(model))
    ? IMAGE_TOKENS_MAX_MINI
    : IMAGE_TOKENS_MAX;
  let tokens = 0;
  let at = 0;
  for (const file of files) {
    tokens += fileTokens(file, imageTokens);
    if (file.media.from !== "base64" || file.media.data.length < MEDIA_CHARS_MIN) continue;
    // Not found as it stands (escaped, or in another order), it is counted as text too: too much, never too little.
    const found = text.indexOf(file.media.data, at);
    if (found < 0) continue;
    tokens += textTokens(text, at, found);
    at = found + file.media.data.length;
  }
  return Math.ceil(tokens + textTokens(text, at, text.length));
}

type Part = UserPart | ToolResultPart | AssistantPart;
interface File {
  readonly type: "image" | "audio" | "video" | "document";
  readonly media: Media;
}

function addFilesOfTurn(turn: Chat["turns"][number], files: File[]): void {
  if (turn.side === "system") return;
  for (const part of turn.parts) addFilesOf(part, files);
}

function addFilesOf(part: Part, files: File[]): void {
  switch (part.type) {
    case "image":
    case "audio":
    case "video":
      if (part.media) files.push({ type: part.type, media: part.media });
      return;
    case "document":
      if (part.blocks) for (const block of part.blocks) addFilesOf(block, files);
      else if (part.media) files.push({ type: part.type, media: part.media });
      return;
    case "tool_result":
      for (const inner of part.content) addFilesOf(inner, files);
      return;
    case "text":
    case "refusal":
    case "reasoning":
    case "tool_call":
    case "code":
    case "code_result":
    case "search_result":
    case "hosted":
    case "unknown":
      return;
  }
}

function fileTokens({ type, media }: File, imageTokens: number): number {
  if (media.from === "text") return 0;
  const chars = media.from === "base64" ? media.data.length : Number.POSITIVE_INFINITY;
  switch (type) {
    case "image":
      return imageTokens;
    case "document":
      return Math.min(chars, DOCUMENT_TOKENS_MAX);
    case "audio":
    case "video":
      return Math.min(chars / RECORDING_CHARS_PER_TOKEN, RECORDING_TOKENS_MAX);
  }
}

/** Bytes of a text are looked at here one after the other: bytes of its own for every prompt would be thrown away at once. */
const scratch = Buffer.allocUnsafe(64 * 1024);
/** Of one UTF-16 unit. */
const UTF8_BYTES_MAX = 3;

function textTokens(text: string, from: number, to: number): number {
  const part = text.slice(from, to);
  const fits = part.length * UTF8_BYTES_MAX <= scratch.length;
  const bytes = fits ? scratch : Buffer.from(part);
  const end = fits ? scratch.write(part) : bytes.length;
  let thirds = 0;
  for (let index = 0; index < end; index++) thirds += thirdsOf[bytes[index] ?? 0] ?? 0;
  return thirds / WORD_CHARS_PER_TOKEN;
}

/** What a byte of UTF-8 counts, in thirds of a token. */
const thirdsOf = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[ A-Za-z]/.test(String.fromCharCode(byte)) ? 1 : WORD_CHARS_PER_TOKEN,
);
