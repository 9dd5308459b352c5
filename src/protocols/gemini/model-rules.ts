/**
 * What a Gemini model takes, read from its id. Google publishes no capabilities; the families behave as tabled here
 * (ai.google.dev, thinking and structured output pages). An unknown id is taken for a current model: new names
 * appear monthly and follow the newest rules.
 */

export interface ModelRules {
  readonly thinking: ThinkingRule;
  /** Takes real JSON Schema; older ones take the OpenAPI subset only. */
  readonly takesJsonSchema: boolean;
  /** Takes `systemInstruction`; where not, it goes in front of the first user text. */
  readonly takesSystem: boolean;
  /** Takes media inside `functionResponse.parts`. */
  readonly takesMediaInResults: boolean;
  /** Refuses a call of the current turn that comes back without a signature. */
  readonly needsSignatures: boolean;
  /** Takes JSON output and function declarations in one request. */
  readonly takesJsonWithTools: boolean;
  /** Takes tool mode VALIDATED. */
  readonly takesValidatedMode: boolean;
  readonly toolNameCharsMax: number;
}

export type ThinkingLevel = "MINIMAL" | "LOW" | "MEDIUM" | "HIGH";

export type ThinkingRule =
  | { readonly kind: "none" }
  | {
      readonly kind: "budget";
      readonly tokensMin: number;
      readonly tokensMax: number;
      readonly canBeOff: boolean;
    }
  | { readonly kind: "level"; readonly levels: readonly ThinkingLevel[] };

const NEWEST = 3;

export function modelRules(model: string): ModelRules {
  const id = baseModelId(model);
  const generation = generationOf(id);
  const isGemma = id.startsWith("gemma");
  const isNewest = generation >= NEWEST && !isGemma;
  const isCurrent = generation >= 2.5 && !isGemma;
  return {
    thinking: thinkingRule(id, generation),
    takesJsonSchema: isCurrent,
    takesSystem: !isGemma && !(generation < 2.5 && isImageModel(id)),
    takesMediaInResults: isNewest,
    needsSignatures: isNewest,
    takesJsonWithTools: isNewest,
    takesValidatedMode: isCurrent,
    toolNameCharsMax: isCurrent ? 128 : 64,
  };
}

/** `models/x`, `publishers/google/models/x`, `google/x` and `x` are one model. */
function baseModelId(model: string): string {
  return model.slice(model.lastIndexOf("/") + 1).toLowerCase();
}

function generationOf(id: string): number {
  const match = /^gemini-(\d+(?:\.\d+)?)/.exec(id);
  if (match) return Number(match[1]);
  if (id.startsWith("gemma") || id === "gemini-pro" || id === "gemini-pro-vision") return 1;
  return NEWEST;
}

function isImageModel(id: string): boolean {
  return id.includes("image");
}

function thinkingRule(id: string, generation: number): ThinkingRule {
  const cannotThink = generation < 2.5 || id.startsWith("gemma") || id.includes("tts");
  if (cannotThink || (isImageModel(id) && generation < NEWEST)) return { kind: "none" };
  if (generation < NEWEST) return budgetRule(id);
  if (id.includes("pro")) {
    // The first Gemini 3 Pro knows two levels; 3.1 brought MEDIUM.
    const levels = generation < 3.1 ? (["LOW", "HIGH"] as const) : (["LOW", "MEDIUM", "HIGH"] as const);
    return { kind: "level", levels };
  }
  const hasMinimal = id.includes("flash") && generation < 3.7;
  return {
    kind: "level",
    levels: hasMinimal ? ["MINIMAL", "LOW", "MEDIUM", "HIGH"] : ["LOW", "MEDIUM", "HIGH"],
  };
}

function budgetRule(id: string): ThinkingRule {
  if (id.includes("pro")) return { kind: "budget", tokensMin: 128, tokensMax: 32_768, canBeOff: false };
  const tokensMin = id.includes("lite") ? 512 : 1;
  return { kind: "budget", tokensMin, tokensMax: 24_576, canBeOff: true };
}
