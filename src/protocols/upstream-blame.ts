/**
 * Whose fault a refusal is, where status, type and code leave it open and only the wording tells. The rule:
 *
 * - A status of 401 or 402, an error type, a code or Google's reason that means key, credit or permission is the
 *   operator's trouble, whatever the words.
 * - A 403 or 404 about a thing the caller named (a file, a cache, a stored response) is the caller's. One about the
 *   model, or one that does not say, is the operator's.
 * - A 400 is the operator's by its words only where the whole message is a sentence providers are known to say.
 *
 * What an attacker would gain otherwise: providers quote the caller's field names, ids and texts in their messages. A
 * field called "invalid api key" would pass for a broken account, and a few requests would open the breaker of a target
 * every tenant shares. Hence no pattern here finds its words just anywhere in a 400.
 */

export interface Refusal {
  readonly status: number;
  readonly message: string;
  /** The upstream's codes, types and reasons for the error. */
  readonly words: readonly string[];
  readonly param?: string | undefined;
}

/** What the words change about the blame; undefined where they say nothing, and status and type decide. */
export function blameByWords(
  refusal: Refusal,
): "upstream_refused" | "unsupported" | "bad_request" | undefined {
  const { status, words } = refusal;
  const message = refusal.message.replace(OPENROUTER_PREFIX, "").trim();
  if (REQUEST_STATUSES.has(status)) return isOperatorSentence(message) ? "upstream_refused" : undefined;
  if (status !== 403 && status !== 404) return undefined;
  if (words.some((word) => OPERATOR_WORDS.test(word))) return undefined;
  if (INCAPABLE.test(message)) return "unsupported";
  return isAboutNamedThing(message, refusal.param) ? "bad_request" : undefined;
}

/** 0 and 200: an error inside a stream or a body that began well. */
const REQUEST_STATUSES: ReadonlySet<number> = new Set([0, 200, 400, 422]);

/** What OpenRouter says before it quotes the provider behind it. */
const OPENROUTER_PREFIX = /^Provider returned error: /;

/** `model_not_found`, `invalid_api_key`, `insufficient_quota`, `SERVICE_DISABLED` and their like. */
const OPERATOR_WORDS =
  /model_not_found|api_key|quota|credit|payment|billing|account|consumer|disabled|blocked|unsupported_country/i;

function isOperatorSentence(message: string): boolean {
  return SENTENCES.some((sentence) => sentence.test(message));
}

/** Whole messages. Any colon, quote or further word means that something else is being said. */
const SENTENCES: readonly RegExp[] = [
  /^your credit balance is too low(?: to access the \w+ api)?(?:\. please go to plans & billing to upgrade or purchase credits)?\.?$/i,
  /^you have reached your specified (?:workspace )?api usage limits\.?(?: you will regain access on [\d-]+ at [\d:]+ utc\.?)?$/i,
  /^this organization has been disabled\.?$/i,
  /^api key (?:not valid|not found|expired|is invalid)\.?(?: please (?:pass a valid|renew the) api key\.?)?$/i,
  // xAI says this with a 400, and may show the ends of the key: always with stars between.
  /^incorrect api key provided(?:: [\w-]*\*+[\w-]*)?\.?(?: you can obtain an api key from https:\/\/console\.x\.ai\/?\.?)?$/i,
  /^invalid api key\.?$/i,
  /^insufficient (?:account )?(?:balance|credits?)\.?$/i,
  /^user location is not supported(?: for the api use)?(?: without a billing account linked)?\.?$/i,
  /^gemini api free tier is not available in your (?:country|region)\.[\w ]*\.?$/i,
  /^please enable billing on (?:your )?project[\w #]*\.?$/i,
];

/** OpenRouter's 404 where no provider can do what is asked; another target may. */
const INCAPABLE = /^no endpoints found that (?:support|can handle)\b|^no allowed providers are available\b/i;

/**
 * The model is looked for at the start only, where the provider's own words stand: the rest may be the name a caller
 * gave to a file.
 */
function isAboutNamedThing(message: string, param: string | undefined): boolean {
  if (ABOUT_MODEL.test(message) || param === "model") return false;
  return THINGS.test(message) || (param !== undefined && param !== "");
}

const ABOUT_MODEL =
  /^(?:the )?(?:requested |publisher )?models?\b|^no endpoints\b|^permission '(?!aiplatform\.cachedcontents|storage\.)/i;
const THINGS =
  /\b(?:files?|cached ?contents?|cloud storage object|storage\.objects|previous response|(?:response|item|prompt) with id|conversation|vector stores?|container|skill)\b/i;
