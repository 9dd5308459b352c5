/** `xjp demo-upstream`: the simulated provider as a process of its own. */
import { createDemoUpstream } from "#demo/demo-upstream.ts";
import { toListenFailure } from "#server/listen-failure.ts";
import { parseArguments, UsageError, exitCodes, type Command } from "./command.ts";

const PORT_DEFAULT = "8090";
const PORT_MAX = 65_535;

export const demoUpstream: Command = {
  name: "demo-upstream",
  summary: "run the simulated provider: all four APIs, faults chosen by model name",
  usage: `xjp demo-upstream [--port N] [--host H]

  --port N   port (default ${PORT_DEFAULT}; 0 takes any free one)
  --host H   address (default 127.0.0.1)
`,
  runsUntilStopped: true,
  async run(given, io) {
    const { values } = parseArguments(given, {
      options: {
        port: { type: "string", default: PORT_DEFAULT },
        host: { type: "string", default: "127.0.0.1" },
      },
      positionalsMax: 0,
    });
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 0 || port > PORT_MAX)
      throw new UsageError("--port must be 0 to 65535.");
    const server = openDemo(port, values.host);
    io.stdout.write(`demo upstream on http://${values.host}:${server.port}\n`);
    await new Promise<void>((resolve) =>
      io.signal.addEventListener("abort", () => resolve(), { once: true }),
    );
    await server.stop();
    return exitCodes.done;
  },
};

function openDemo(port: number, host: string) {
  try {
    return createDemoUpstream().serve(port, host);
  } catch (cause) {
    throw toListenFailure(cause, { host, port, portNames: "`--port`", hostNames: "`--host`" });
  }
}
