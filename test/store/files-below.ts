/** The contents of every file below a folder. */
import { Glob } from "bun";
import { join } from "node:path";

export async function* filesBelow(folder: string): AsyncIterable<Uint8Array> {
  for await (const path of new Glob("**/*").scan({ cwd: folder, dot: true, onlyFiles: true })) {
    yield await Bun.file(join(folder, path)).bytes();
  }
}
