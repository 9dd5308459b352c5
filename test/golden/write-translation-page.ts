/** Writes `docs/translation.md`; run by `scripts/translation.mjs`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { replayAll } from "../matrix/replay.ts";
import { translationPage } from "./translation-page.ts";

const path = join(import.meta.dir, "..", "..", "docs", "translation.md");
writeFileSync(path, translationPage(await replayAll()));
console.log(`wrote ${path}`);
