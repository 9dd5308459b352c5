/** A connector as its configuration in YAML makes it, and calls to it. */
import type { ConnectorEnvironment } from "#connectors/connector-environment.ts";
import type { Address, Call, Connector, Operation, Target } from "#connectors/connector.ts";
import { createConnector } from "#connectors/connectors.ts";
import { loadConfig } from "#config/load.ts";
import { Cancellation } from "#lib/cancellation.ts";
import type { ProtocolName } from "#model/chat.ts";

/** `fields` is the connector's mapping without braces: `type: openai, api_key: k`. Its name is `up`. */
export function openConnector(fields: string, environment: Partial<ConnectorEnvironment> = {}): Connector {
  const { config } = loadConfig({ text: `connectors: { up: { ${fields} } }`, environment: {} });
  const own = config.connectors["up"];
  if (!own) throw new Error("no connector");
  return createConnector("up", own, {
    variables: {},
    nowMs: () => 0,
    fetch: (url, init) => fetch(url, init),
    ...environment,
  });
}

export interface Asked {
  readonly model: string;
  readonly publisher?: string;
  readonly protocol?: ProtocolName;
  readonly operation?: Operation;
  readonly cancellation?: Cancellation;
}

export function callOf(connector: Connector, asked: Asked): Call {
  const { model, publisher, operation = "whole", cancellation = new Cancellation() } = asked;
  const target: Target = {
    id: `${connector.name}/${model}`,
    connector,
    model,
    weight: 1,
    ...(publisher !== undefined && { publisher }),
  };
  const [best] = connector.protocols(target);
  const protocol = asked.protocol ?? best;
  if (!protocol) throw new Error("it speaks nothing");
  return { target, protocol, operation, cancellation };
}

/** Where a call goes and with which headers. */
export async function addressOf(connector: Connector, asked: Asked): Promise<Address> {
  return connector.address(callOf(connector, asked));
}
