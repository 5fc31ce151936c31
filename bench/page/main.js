/**
 * `cargo xtask bench page`: how long a visitor waits for us and for our peers, on the same page, in the same run.
 *
 * Everybody takes turns, so that whatever else the machine does hits all alike; each round begins with another.
 * `CONSENTRY_BENCH_ROUNDS` asks for other than 7, `CONSENTRY_BENCH_ONLY=consentry,osano` for some, by their slugs.
 */

import { cpus, loadavg } from "node:os";
import { freePort, launchBrowser, startServer } from "./house.js";
import { everybody } from "./peers.js";
import { table } from "./report.js";
import { page, startSite } from "./site.js";
import { CONDITIONS, Visitor } from "./visits.js";

/** @import { Browser } from "playwright-core" */
/** @import { Peer } from "./peers.js" */
/** @import { Condition, Figures } from "./visits.js" */

const ROUNDS = Number(process.env.CONSENTRY_BENCH_ROUNDS ?? 7);

/** A run that takes longer has gone wrong, and must not hold the machine. */
const RUN_MS_MAX = 30 * 60_000;

/** @param {Browser} browser @param {string} site @param {Peer[]} peers @param {Condition} condition */
async function measure(browser, site, peers, condition) {
  const visitor = new Visitor(browser, site, condition);
  const seen = new Map(peers.map((peer) => [peer, /** @type {Figures[]} */ ([])]));
  for (let round = 0; round < ROUNDS; round++) {
    process.stderr.write(`${condition.name}: round ${round + 1} of ${ROUNDS}\n`);
    const first = round % peers.length;
    for (const peer of [...peers.slice(first), ...peers.slice(0, first)]) {
      seen.get(peer)?.push(await visitor.all(peer));
    }
  }
  return [...seen].map(([{ name }, visits]) => ({ name, visits }));
}

/** @param {Browser} browser */
function machine(browser) {
  const [{ model }, { length }] = [cpus()[0], cpus()];
  const programs = `Chromium ${browser.version()}, Node ${process.versions.node}`;
  return `${length} × ${model.trim()}, load ${loadavg()[0].toFixed(1)} at the end; ${programs}; medians of ${ROUNDS}.`;
}

/** How to end what was started, the latest first. @type {(() => Promise<unknown>)[]} */
const started = [];

async function stop() {
  for (let end = started.pop(); end; end = started.pop()) await end();
}

async function run() {
  const port = await freePort();
  const everyone = await everybody(`http://127.0.0.1:${port}`);
  const only = process.env.CONSENTRY_BENCH_ONLY?.split(",");
  // The others' bytes are told by the page's own, so it is always there.
  const peers = everyone.filter(({ slug, parts }) => !parts || !only || only.includes(slug));
  /** @type {Map<string, string | Uint8Array>} */
  const files = new Map();
  for (const peer of peers) {
    files.set(`/${peer.slug}/`, page(peer.page));
    for (const [name, content] of Object.entries(peer.files)) files.set(`/${peer.slug}/${name}`, content);
  }
  const site = await startSite(files);
  started.push(site.stop);
  if (peers.some(({ slug }) => slug === "consentry")) started.push((await startServer({ origin: site.url, port })).stop);
  const browser = await launchBrowser();
  started.push(() => browser.close());
  for (const condition of CONDITIONS) {
    const rows = await measure(browser, site.url, peers, condition);
    console.log(`\n### ${condition.name}\n\n${table(rows)}`);
  }
  console.log(`\n${machine(browser)}`);
}

/** Fails when the run must end early. @returns {Promise<never>} */
function interruption() {
  return new Promise((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => reject(new Error(`ended by ${signal}`)));
    const late = () => reject(new Error(`not done after ${RUN_MS_MAX / 60_000} minutes`));
    setTimeout(late, RUN_MS_MAX).unref();
  });
}

let code = 0;
try {
  await Promise.race([run(), interruption()]);
} catch (error) {
  console.error(error);
  code = 1;
} finally {
  await stop();
}
// What was interrupted may still be under way, with nothing left to work with.
process.exit(code);
