/** A connector's configured extra headers, revealed for sending. */
import type { ConnectorConfig } from "#config/connector-schema.ts";

export function configHeaders(config: ConnectorConfig): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(config.headers).map(([name, value]) => [name, value.reveal()]));
}
