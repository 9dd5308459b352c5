/**
 * A connector's configured extra headers, revealed for sending. In lower case, as all of ours are: one that is spelled
 * `User-Agent` replaces ours and does not go beside it.
 */
import type { ConnectorConfig } from "#config/connector-schema.ts";

export function configHeaders(config: ConnectorConfig): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(config.headers).map(([name, value]) => [name.toLowerCase(), value.reveal()]),
  );
}
