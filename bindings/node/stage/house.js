/**
 * The real server with a database of its own, and people who choose there.
 *
 * The binary comes from the environment (`CONSENTRY_BIN`), and so may the repository's root (`CONSENTRY_ROOT`).
 *
 * Deliberately absent: waiting for time to pass. Tests wait for an event.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** @import { ChildProcess } from "node:child_process" */

/** The repository's root, where `policies/` lies. */
export const ROOT = process.env.CONSENTRY_ROOT ?? fileURLToPath(new URL("../../..", import.meta.url));
/** Where the site's pages are, for the server. */
const ORIGIN = "http://127.0.0.1:1";

/** An empty folder, and how to remove it. */
export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), "consentry-node-test-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

const binary = () => process.env.CONSENTRY_BIN ?? assert.fail("CONSENTRY_BIN is not set: `cargo xtask test` builds the binary and sets it");

/**
 * Runs a command of `consentry` to its end, and settles with what it printed.
 *
 * @param {string[]} parameters
 * @returns {Promise<string>}
 */
export function consentry(parameters) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary(), parameters, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
    let printed = "";
    child.stdout.on("data", (bytes) => (printed += bytes));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(printed.trim()) : reject(new Error(`\`consentry ${parameters.join(" ")}\` ended with ${code}`))));
  });
}

/**
 * Runs `consentry` as a server, and settles when it says where it listens.
 *
 * @param {string[]} parameters
 * @returns {Promise<{ url: string, child: ChildProcess, stop: () => Promise<void> }>}
 */
export function serve(parameters) {
  const child = spawn(binary(), parameters, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  /** @type {string[]} */
  const said = [];
  createInterface({ input: child.stderr }).on("line", (line) => said.push(line));
  const ended = new Promise((resolve) => child.on("close", resolve));
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await ended;
  };
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => reject(new Error(`the server ended with ${code}\n${said.join("\n")}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = /listening on (http:\S+)/.exec(line);
      if (found?.[1]) resolve({ url: found[1].replace(/\/$/, ""), child, stop });
    });
  });
}

/** AdForge's server on an empty database, with policies that a test may change. */
export async function startHouse() {
  const { path: folder, remove } = await temporaryFolder();
  const policies = join(folder, "policies");
  await cp(join(ROOT, "policies/adforge"), policies, { recursive: true });
  const start = (name = "c.db") =>
    serve(["serve", "--policies", policies, "--database", `sqlite:${join(folder, name)}`, "--listen", "127.0.0.1:0", "--origin", ORIGIN]);
  let server = await start().catch(async (error) => {
    await remove();
    throw error;
  });
  return {
    folder,
    policies,
    /** Where it listens by now. */
    get url() {
      return server.url;
    },
    get child() {
      return server.child;
    },
    /** Copies the database while it is used. @param {string} name of the copy, in the folder */
    copy: (name) => consentry(["backup", "--database", `sqlite:${join(folder, "c.db")}`, "--out", join(folder, name)]),
    /** Starts another server in its place, on another database of the folder. @param {string} name */
    async restart(name) {
      await server.stop();
      server = await start(name);
    },
    /** An API key. @param {string} scopes */
    key(scopes) {
      const where = ["--database", `sqlite:${join(folder, "c.db")}`, "--site", "adforge"];
      return consentry(["key", "new", ...where, "--name", "test", "--scope", scopes]);
    },
    /** Somebody who has never been here. */
    person: () => new Person(() => server.url),
    async stop() {
      await server.stop();
      await remove();
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof startHouse>>} House */

/** Somebody with a browser, who chooses. */
export class Person {
  #secret = randomBytes(32).toString("base64url");
  #url;

  /** @param {() => string} url of the server @param {`${string}-${string}-${string}-${string}-${string}`} [uuid] */
  constructor(url, uuid = randomUUID()) {
    this.#url = url;
    this.uuid = uuid;
  }

  get subject() {
    return `device:${this.uuid}`;
  }

  /** The 16 bytes of the UUID. */
  get bytes() {
    return Uint8Array.from(Buffer.from(this.uuid.replaceAll("-", ""), "hex"));
  }

  /** Answers in the preference centre. @param {"all-granted" | "all-refused" | Record<string, "grant" | "refuse">} what */
  async choose(what) {
    const script = await (await fetch(`${this.#url()}/adforge.js`)).text();
    const hash = (/** @type {string} */ name) => new RegExp(`"?${name}"?:"([0-9a-f]{64})"`).exec(script)?.[1];
    const said = typeof what === "string" ? { outcome: what } : { stances: what };
    return this.#post("choices", { policy: hash("policy"), notice: hash("notice"), language: "en", surface: "centre", ...said });
  }

  /** Uses a right. @param {"objection" | "restriction" | "erasure"} demand */
  demand(demand) {
    return this.#post("demands", { demand });
  }

  /** @param {string} route @param {object} body @returns {Promise<{ seq: number, recorded_at_ms: number }>} the receipt */
  async #post(route, body) {
    const response = await fetch(`${this.#url()}/v1/sites/adforge/${route}`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.uuid}.${this.#secret}`, "content-type": "application/json", origin: ORIGIN },
      body: JSON.stringify({ v: 1, id: newId(), ...body }),
    });
    const text = await response.text();
    assert.equal(response.status, 201, text);
    return JSON.parse(text);
  }
}

/** A UUIDv7 of now (RFC 9562). */
function newId() {
  const hex = Date.now().toString(16).padStart(12, "0") + randomBytes(10).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
