/** Runs the simulated provider by itself: `bun src/demo/run.ts [PORT] [KEY]`. Prints one line when it is ready. */
import { createDemoUpstream } from "./demo-upstream.ts";

const [port = "0", requireKey] = process.argv.slice(2);
const upstream = createDemoUpstream(requireKey === undefined ? {} : { requireKey });
const listener = upstream.serve(Number(port));
process.stdout.write(`demo upstream listening on http://127.0.0.1:${listener.port}\n`);
