/**
 * Labels opaque reasoning state that goes to a client of another vendor's API, so that on its return we know whose it
 * is: `xjp1.PAYLOAD.MAC`, both base64url. The MAC covers the tenant, so a blob taken from elsewhere opens for nobody
 * else and nobody can make one up. Stateless: it survives restarts and holds on every process that shares the key.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { asString, parseJson } from "#lib/json.ts";
import type { Opaque, Vendor } from "#model/chat.ts";
import { SEAL_PREFIX } from "#model/seal-prefix.ts";
import type { Sealer } from "./world.ts";

const MAC_BYTES = 12;
/** Encrypted reasoning is tens of kilobytes; past this it is not ours. */
const SEALED_CHARS_MAX = 2 * 1024 * 1024;

const kinds = {
  anthropic_signature: true,
  anthropic_redacted: true,
  openai_encrypted: true,
  google_thought_signature: true,
  openrouter_details: true,
  unsigned: true,
} as const satisfies Record<Opaque["kind"], true>;

const vendors = {
  openai: true,
  anthropic: true,
  google: true,
  deepseek: true,
  xai: true,
  mistral: true,
  unknown: true,
} as const satisfies Record<Vendor, true>;

export function createSealer(key: Uint8Array): Sealer {
  const macOf = (payload: string, tenantId: string): Buffer =>
    createHmac("sha256", key).update(`${tenantId}\n${payload}`).digest().subarray(0, MAC_BYTES);
  return {
    seal(opaque, tenantId) {
      const fields = [opaque.vendor, opaque.kind, opaque.data, opaque.model ?? null, opaque.route ?? null];
      const payload = Buffer.from(JSON.stringify(fields)).toString("base64url");
      return `${SEAL_PREFIX}${payload}.${macOf(payload, tenantId).toString("base64url")}`;
    },
    unseal(text, tenantId) {
      if (!text.startsWith(SEAL_PREFIX) || text.length > SEALED_CHARS_MAX) return undefined;
      const [payload = "", mac = ""] = text.slice(SEAL_PREFIX.length).split(".");
      const given = Buffer.from(mac, "base64url");
      if (given.length !== MAC_BYTES || !timingSafeEqual(given, macOf(payload, tenantId))) return undefined;
      return readOpaque(Buffer.from(payload, "base64url").toString("utf8"));
    },
  };
}

function readOpaque(text: string): Opaque | undefined {
  const fields = parseJson(text);
  if (!Array.isArray(fields)) return undefined;
  const [vendor, kind, data, model, route]: readonly unknown[] = fields;
  if (!isVendor(vendor) || !isKind(kind) || typeof data !== "string") return undefined;
  const modelId = asString(model);
  const routeName = asString(route);
  return {
    vendor,
    kind,
    data,
    ...(modelId !== undefined && { model: modelId }),
    ...(routeName !== undefined && { route: routeName }),
  };
}

function isVendor(value: unknown): value is Vendor {
  return typeof value === "string" && Object.hasOwn(vendors, value);
}

function isKind(value: unknown): value is Opaque["kind"] {
  return typeof value === "string" && Object.hasOwn(kinds, value);
}
