/**
 * `reasoning_details`: OpenRouter's list of reasoning state, and this house's carrier of it in Chat Completions,
 * where the API itself has none. Details in a list become reasoning parts (or the signature of a tool call), and
 * back, so that opaque state returns to its maker byte for byte and nobody else ever sees it.
 *
 * A detail's opaque text is either sealed by us (then the seal says whose it is) or bare (then `format` says). What
 * looks like one of our seals but does not open was tampered with or belongs to another tenant: it is left out.
 */
import { SEAL_PREFIX } from "#model/seal-prefix.ts";
import { asString, isObject, parseJson, type Json, type JsonObject } from "#lib/json.ts";
import type { Opaque, ReasoningPart, Vendor } from "#model/chat.ts";

/** One detail, understood. `callId` is set where it is a tool call's signature (Gemini through OpenRouter). */
export interface Detail {
  readonly kind: ReasoningPart["kind"];
  readonly text?: string;
  readonly opaque?: Opaque;
  readonly id?: string;
  readonly format: string;
  readonly index: number | undefined;
}

export interface Origin {
  readonly route?: string;
  readonly model?: string;
  readonly unseal?: (text: string) => Opaque | undefined;
}

export function parseDetail(value: Json, origin: Origin): Detail | undefined {
  if (!isObject(value)) return undefined;
  const format = asString(value["format"]) ?? "unknown";
  const id = asString(value["id"]);
  const index = typeof value["index"] === "number" ? value["index"] : undefined;
  const base = { format, index, ...(id !== undefined && id !== "" && { id }) };
  switch (asString(value["type"])) {
    case "reasoning.text": {
      const opaque = openOpaque(asString(value["signature"]), "text", { format, origin });
      const text = asString(value["text"]);
      return { ...base, kind: "raw", ...(text && { text }), ...(opaque && { opaque }) };
    }
    case "reasoning.summary": {
      const text = asString(value["summary"]);
      return { ...base, kind: "summary", ...(text && { text }) };
    }
    case "reasoning.encrypted": {
      const data = asString(value["data"]);
      const isForeignToUs = vendorOf(format) === "unknown" && !origin.unseal?.(data ?? "");
      const opaque = isForeignToUs
        ? wholeDetail(value, origin)
        : openOpaque(data, "encrypted", { format, origin });
      return opaque && { ...base, kind: "redacted", opaque };
    }
    case undefined:
    default:
      return { ...base, kind: "redacted", opaque: wholeDetail(value, origin) };
  }
}

/** The detail that hands a reasoning part back; undefined where there is no state in it. */
export function toDetail(
  part: { readonly kind: ReasoningPart["kind"]; readonly text?: string; readonly id?: string },
  opaque: Opaque,
  shape: { readonly index: number; readonly seal?: (opaque: Opaque) => string },
): readonly JsonObject[] {
  if (opaque.kind === "unsigned") return [];
  if (opaque.kind === "openrouter_details") {
    const detail = parseJson(opaque.data);
    return isObject(detail) ? [detail] : [];
  }
  const secret = shape.seal ? shape.seal(opaque) : opaque.data;
  const tail = { format: formatOf(opaque), index: shape.index };
  const id = part.id !== undefined && { id: part.id };
  if (opaque.kind === "anthropic_signature" || (opaque.kind === "google_thought_signature" && !part.id)) {
    return [{ type: "reasoning.text", text: part.text ?? "", signature: secret, ...id, ...tail }];
  }
  const summary =
    part.text === undefined ? [] : [{ type: "reasoning.summary", summary: part.text, ...id, ...tail }];
  return [...summary, { type: "reasoning.encrypted", data: secret, ...id, ...tail }];
}

/** Whether a signed part can be sent to this model at this upstream: state is valid only with its maker. */
export function belongsTo(
  opaque: Opaque,
  target: { readonly vendor: Vendor; readonly route: string },
): boolean {
  if (opaque.kind === "unsigned") return false;
  if (opaque.kind === "openrouter_details")
    return opaque.route === undefined || opaque.route === target.route;
  if (opaque.vendor !== target.vendor) return false;
  // Anthropic's signatures hold everywhere; encrypted state of the others is bound to an account or back end.
  return opaque.vendor === "anthropic" || opaque.route === undefined || opaque.route === target.route;
}

/** Only the seal itself can tell whether it is genuine. */
export function isSealed(text: string): boolean {
  return text.startsWith(SEAL_PREFIX);
}

function openOpaque(
  text: string | undefined,
  carrier: "text" | "encrypted",
  { format, origin }: { readonly format: string; readonly origin: Origin },
): Opaque | undefined {
  if (!text) return undefined;
  const unsealed = origin.unseal?.(text);
  if (unsealed) return unsealed;
  if (origin.unseal && isSealed(text)) return undefined;
  // Only Anthropic signs readable text without naming a format (clients drop the field when they echo).
  const vendor = format === "unknown" ? "anthropic" : vendorOf(format);
  return {
    kind: kindOf(vendor, carrier),
    vendor,
    ...(origin.model !== undefined && { model: origin.model }),
    ...(origin.route !== undefined && { route: origin.route }),
    data: text,
  };
}

function wholeDetail(value: JsonObject, origin: Origin): Opaque {
  return {
    kind: "openrouter_details",
    vendor: vendorOf(asString(value["format"]) ?? "unknown"),
    ...(origin.route !== undefined && { route: origin.route }),
    data: JSON.stringify(value),
  };
}

function kindOf(vendor: Vendor, carrier: "text" | "encrypted"): Opaque["kind"] {
  if (vendor === "google") return "google_thought_signature";
  if (vendor === "anthropic") {
    return carrier === "text" ? "anthropic_signature" : "anthropic_redacted";
  }
  return "openai_encrypted";
}

function vendorOf(format: string): Vendor {
  if (format.startsWith("anthropic")) return "anthropic";
  if (format.startsWith("google")) return "google";
  if (/openai/.test(format)) return "openai";
  return /xai/.test(format) ? "xai" : "unknown";
}

function formatOf(opaque: Opaque): string {
  switch (opaque.vendor) {
    case "anthropic":
      return "anthropic-claude-v1";
    case "google":
      return "google-gemini-v1";
    case "xai":
      return "xai-responses-v1";
    case "openai":
      return "openai-responses-v1";
    case "deepseek":
    case "mistral":
    case "unknown":
      return "unknown";
  }
}
