/** Which processors a thread may run on, by `taskset` of util-linux. */

/**
 * The main thread of a process keeps to the first processor it may use until this is disposed; its other threads run where
 * they like. Throws where the kernel refuses.
 */
export function pinMainThread(processId: number): Disposable {
  const allowed = /list: (\S+)/.exec(taskset(processId))?.[1];
  const first = /^\d+/.exec(allowed ?? "")?.[0];
  if (allowed === undefined || first === undefined) throw new Error("taskset told no processors");
  taskset(processId, first);
  return { [Symbol.dispose]: () => void taskset(processId, allowed) };
}

function taskset(threadId: number, processors?: string): string {
  const allow = processors === undefined ? [] : [processors];
  const { exitCode, stdout, stderr } = Bun.spawnSync(["taskset", "-p", "-c", ...allow, String(threadId)]);
  if (exitCode !== 0) throw new Error(`taskset failed: ${stderr.toString()}`);
  return stdout.toString();
}
