/** Where the environment names a proxy, requests to upstreams pass it, whichever of the usual names it goes by. */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { callApi } from "../gateway/call-api.ts";
import { chatAnswer, startScriptedUpstream } from "../gateway/scripted-upstream.ts";
import { freshFolder, startServe } from "./start-process.ts";

test.each(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])(
  "%s is the way to upstreams",
  async (name) => {
    await using folder = await freshFolder();
    const proxy = startScriptedUpstream();
    proxy.answer = () => chatAnswer({}, "by proxy");
    const path = join(folder.path, "xjp.yaml");
    await writeFile(
      path,
      `connectors: { far: { type: openai-compatible, base_url: "http://upstream.invalid/v1" } }
models: { m: { targets: [{ connector: far, model: m }] } }\n`,
    );
    const running = await startServe(folder.path, ["--config", path], { env: { [name]: proxy.url } });
    const key = /XJP_[\w-]{43}/.exec(running.stdout())?.[0] ?? "";
    const response = await callApi(
      { url: running.url, key },
      { api: "openai-chat", model: "m", stream: false },
    );
    expect(await response.text()).toContain("by proxy");
    running.kill("SIGTERM");
    await running.exited;
    await proxy.stop();
  },
  30_000,
);
