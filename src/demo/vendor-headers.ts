/**
 * The headers real providers put on their answers: request ids, whose account it was, what is left of its limits. A
 * gateway must not pass the account's on, which only shows where an upstream sends them.
 */
import type { House } from "./conversation.ts";

const OPENAI_HEADERS = {
  "x-request-id": "req_demo",
  "openai-organization": "demo-organization",
  "openai-processing-ms": "1",
  "openai-version": "2020-10-01",
  "x-ratelimit-limit-requests": "10000",
  "x-ratelimit-remaining-requests": "9999",
  "x-ratelimit-reset-requests": "6ms",
};
const ANTHROPIC_HEADERS = {
  "request-id": "req_demo",
  "anthropic-organization-id": "demo-organization",
  "anthropic-ratelimit-requests-limit": "4000",
  "anthropic-ratelimit-requests-remaining": "3999",
  "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:00Z",
};

export const VENDOR_HEADERS: Readonly<Record<House, Readonly<Record<string, string>>>> = {
  openai: OPENAI_HEADERS,
  anthropic: ANTHROPIC_HEADERS,
  clewdr: {},
  gemini: { "x-gemini-service-tier": "standard" },
  vertex: {},
  openrouter: { "x-generation-id": "gen-demo" },
};
