/**
 * Starts what the browser tests need: Chromium, the server, and the demo site's back end.
 *
 * Each is ready when its promise settles, each takes a port of its own choosing, and each ends with `stop`. Binaries come from
 * the environment: `CHROMIUM`, `CONSENTRY_BIN`, `ADFORGE_SITE_BIN`.
 *
 * Deliberately absent: waiting for time to pass. Tests wait for an event or a condition.
 */

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/** @import { Browser } from "playwright-core" */
/** @import { ChildProcess } from "node:child_process" */

/** The repository's root, where `policies/` lies. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** How long a process may take until it says that it listens. */
const READY_MS_MAX = 20_000;

const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A browser with a profile of its own, which is removed when it closes. Every context in it starts empty. @returns {Promise<Browser>} */
export function launchBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: CHROMIUM_FLAGS,
  });
}

/** An empty folder, and how to remove it. */
export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), "consentry-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
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

/** @param {string} variable */
function binary(variable) {
  const path = process.env[variable];
  if (!path) throw new Error(`${variable} is not set: \`cargo xtask test\` builds the binary and sets it`);
  return path;
}

/**
 * Runs a program that serves, and settles with the address it announces as `listening on http://…`.
 *
 * @param {string} program
 * @param {string[]} parameters
 */
async function serve(program, parameters) {
  const child = spawn(program, parameters, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  /** @type {string[]} */
  const said = [];
  createInterface({ input: child.stderr }).on("line", (line) => said.push(line));
  const url = await new Promise((resolve, reject) => {
    const late = setTimeout(() => fail(`was not ready after ${READY_MS_MAX} ms`), READY_MS_MAX);
    /** @param {string} what */
    const fail = (what) => {
      child.kill("SIGKILL");
      reject(new Error(`\`${program} ${parameters.join(" ")}\` ${what}\n${said.join("\n")}`));
    };
    child.on("error", (error) => fail(error.message));
    child.on("exit", (code) => fail(`ended with ${code}`));
    createInterface({ input: child.stdout }).on("line", (line) => {
      said.push(line);
      const found = /listening on (http:\S+)/.exec(line);
      if (!found) return;
      clearTimeout(late);
      resolve(found[1].replace(/\/$/, ""));
    });
  });
  return { url: /** @type {string} */ (url), log: said, stop: (signal = /** @type {NodeJS.Signals} */ ("SIGTERM")) => end(child, signal) };
}

/** @param {ChildProcess} child @param {NodeJS.Signals} signal @returns {Promise<void>} */
function end(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.removeAllListeners("exit");
    child.on("exit", () => resolve());
    child.kill(signal);
  });
}

/** @param {string} program @param {string[]} parameters @returns {Promise<string>} what it printed */
function run(program, parameters) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
    let printed = "";
    child.stdout.on("data", (bytes) => (printed += bytes));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(printed.trim()) : reject(new Error(`\`${program} ${parameters.join(" ")}\` ended with ${code}`)),
    );
  });
}

/**
 * The server with a database in `folder`; the same folder, started again, is the same server. Pages of its own origin may
 * send choices too, as on a site that has it behind the same address.
 *
 * @param {{ folder: string, origin: string, port: number, policies?: string, identity?: string }} where the site's origin; `port` from
 *   `freePort`; `policies` from the repository's root; `identity` the file that says who signs identity tokens
 */
export function startServer({ folder, origin, port, policies = "policies", identity }) {
  const database = `sqlite:${join(folder, "c.db")}`;
  return serve(binary("CONSENTRY_BIN"), [
    ...["serve", "--policies", policies, "--database", database, "--listen", `127.0.0.1:${port}`],
    ...["--origin", origin, "--origin", `http://127.0.0.1:${port}`],
    ...(identity ? ["--identity", identity] : []),
  ]);
}

/** An API key for AdForge's back end. @param {{ folder: string }} where */
export function newKey({ folder }) {
  const database = `sqlite:${join(folder, "c.db")}`;
  return run(binary("CONSENTRY_BIN"), ["key", "new", "--database", database, "--site", "adforge", "--name", "test"]);
}

/**
 * The demo site: its pages, and the back end that asks before it renders.
 *
 * @param {{ port: number, consentry: string, key: string }} where `port` from `freePort`, since the server must know the origin first
 */
export function startSite({ port, consentry, key }) {
  return serve(binary("ADFORGE_SITE_BIN"), ["--listen", `127.0.0.1:${port}`, "--consentry", consentry, "--key", key]);
}

/**
 * Server and demo site together, on an empty database. What had started when something fails is ended again.
 *
 * @param {{ policies?: string }} [what] from the repository's root
 */
export async function startHouse({ policies } = {}) {
  /** @type {(() => Promise<void>)[]} */
  const started = [];
  const stop = async () => {
    for (let end = started.pop(); end; end = started.pop()) await end();
  };
  try {
    const folder = await temporaryFolder();
    started.push(folder.remove);
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const server = await startServer({ folder: folder.path, origin, port: await freePort(), policies });
    started.push(() => server.stop());
    const key = await newKey({ folder: folder.path });
    const site = await startSite({ port, consentry: server.url, key });
    started.push(() => site.stop());
    return { folder: folder.path, origin, server, key, site, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
