/** What `cargo xtask test` compiles for these tests: the corpus and the core as WebAssembly, and a page's own Yew app. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./harness.js";

/** @param {"corpus.js" | "corpus.wasm"} name */
export function corpusFile(name) {
  return readFileSync(join(ROOT, "dist/test", name));
}
