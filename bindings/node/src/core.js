/**
 * The core, as WebAssembly: what is allowed is decided there, and what is read is read there.
 *
 * Deliberately absent: whatever waits. The module is compiled once, when this is imported.
 */

import { readFileSync } from "node:fs";
import { initSync } from "../core/core.js";

initSync({ module: readFileSync(new URL("../core/core.wasm", import.meta.url)) });

export { Follower, Taken, readDecision, readDecisions, readQuery, readQuestion } from "../core/core.js";
