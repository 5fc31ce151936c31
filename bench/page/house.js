/**
 * What a run needs besides the page: Chromium, and our own server with a policy, a database of its own and the page's origin.
 *
 * Everything that is started ends with `stop`. Binaries come from the environment: `CHROMIUM`, `CONSENTRY_BIN`.
 */

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/** The repository's root, where `policies/` lies. */
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** How long the server may take until it says that it listens. */
const READY_MS_MAX = 60_000;

/** As in `tests/browser/harness.js`. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A signal is the run's to handle: it has more than a browser to end. */
export function launchBrowser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
  return chromium.launch({ executablePath, headless: true, args: FLAGS, ...signals });
}

/** A port that was free a moment ago. @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (address && typeof address === "object" ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}

/**
 * Our server, on an empty database.
 *
 * @param {{ origin: string, port: number }} where `origin` is the page's; `port` from `freePort`
 * @returns {Promise<{ stop: () => Promise<void> }>}
 */
export async function startServer({ origin, port }) {
  const program = process.env.CONSENTRY_BIN;
  if (!program) throw new Error("CONSENTRY_BIN is not set: `cargo xtask bench page` builds the server and sets it");
  const folder = await mkdtemp(join(tmpdir(), "consentry-bench-"));
  const database = `sqlite:${join(folder, "c.db")}`;
  const parameters = ["serve", "--policies", "policies", "--database", database, "--listen", `127.0.0.1:${port}`];
  const child = spawn(program, [...parameters, "--origin", origin], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.on("close", resolve));
  const stop = async () => {
    child.kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  /** @type {string[]} */
  const said = [];
  createInterface({ input: child.stderr }).on("line", (line) => said.push(line));
  /** @type {NodeJS.Timeout | undefined} */
  let late;
  try {
    await new Promise((resolve, reject) => {
      const fail = (/** @type {string} */ what) => reject(new Error(`the server ${what}\n${said.join("\n")}`));
      late = setTimeout(() => fail(`was not ready after ${READY_MS_MAX} ms`), READY_MS_MAX);
      child.on("error", ({ message }) => fail(message));
      child.on("exit", (code) => fail(`ended with ${code}`));
      createInterface({ input: child.stdout }).on("line", (line) => line.startsWith("listening on ") && resolve(null));
    });
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(late);
  }
  return { stop };
}
