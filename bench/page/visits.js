/**
 * The visits that are measured, each in a browser context of its own: no cache, no storage, no connection is left from another.
 *
 * - `look`: a first visit in which nothing is touched until all is quiet: bytes, script time, layout shift, long tasks; then
 *   the preferences are opened, one switch is moved, and the choice is saved.
 * - `accept`: a first visit that clicks "accept" in the first frame in which that has an effect.
 * - `comeBack`: a visit with what `accept` left in the storage, and an empty cache.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { installProbe } from "./probe.js";

/** @import { Browser, BrowserContext, CDPSession, Page } from "playwright-core" */
/** @import { Peer } from "./peers.js" */

/** @typedef {Awaited<ReturnType<BrowserContext["storageState"]>>} Storage */
/** @typedef {{ name: string, cpu: number, network: { latency: number, download: number, upload: number } | null }} Condition */
/** @typedef {Record<string, number>} Figures */

/** Chrome's preset "Slow 4G": latency in ms, throughput in bytes a second. Made of 150 ms and 1.6 and 0.75 Mbit/s. */
const SLOW_4G = { latency: 150 * 3.75, download: (1.6e6 / 8) * 0.9, upload: (750e3 / 8) * 0.9 };

/** @type {Condition[]} */
export const CONDITIONS = [
  { name: "Not throttled", cpu: 1, network: null },
  { name: "CPU ×4, Slow 4G", cpu: 4, network: SLOW_4G },
];

/** A page is quiet when it has loaded and nothing has been under way for so long. */
const QUIET_MS = 500;

/** How often that is looked at, from outside the page. */
const LOOK_MS = 20;

/** A visit that takes longer than this has gone wrong. */
const VISIT_MS_MAX = 30_000;

/** One browser, one site, one condition: visits differ by who asks, and by what the visitor does. */
export class Visitor {
  /** @param {Browser} browser @param {string} site its origin @param {Condition} condition */
  constructor(browser, site, condition) {
    this.browser = browser;
    this.site = site;
    this.condition = condition;
  }

  /** Each visit once. @param {Peer} peer @returns {Promise<Figures>} */
  async all(peer) {
    const looked = await this.look(peer);
    if (!peer.parts) return looked;
    const { figures, storage } = await this.accept(peer);
    return { ...looked, ...figures, ...(await this.comeBack(peer, storage)) };
  }

  /** @param {Peer} peer @returns {Promise<Figures>} */
  look(peer) {
    const watch = () => void (window.seen = window.probe.watch());
    return this.#visit(peer, { start: watch }, async ({ page, cdp, wire }) => {
      await wire.quiet();
      if (peer.parts) {
        // A slow one may still be drawing.
        await page.evaluate((part) => window.probe.shown(part), peer.parts.accept);
        await wire.quiet();
      }
      const { metrics } = await cdp.send("Performance.getMetrics");
      const script = metrics.find(({ name }) => name === "ScriptDuration")?.value ?? NaN;
      const { shift, tasks } = await page.evaluate(() => window.seen);
      const figures = { ...wire.bytes(), script: script * 1000, shift, tasks: tasks.length, longest: Math.max(0, ...tasks) };
      if (!peer.parts?.dialog) return figures;
      return { ...figures, ...(await page.evaluate((parts) => window.probe.choose(parts), peer.parts)) };
    });
  }

  /** @param {Peer} peer @returns {Promise<{ figures: Figures, storage: Storage }>} */
  accept(peer) {
    const accept = (/** @type {any} */ part) => void (window.accepted = window.probe.acceptAtOnce(part));
    return this.#visit(peer, { start: accept }, async ({ context, page, wire }) => {
      const figures = await page.evaluate(() => window.accepted);
      await wire.quiet();
      return { figures, storage: await context.storageState() };
    });
  }

  /** @param {Peer} peer @param {Storage} storage @returns {Promise<Figures>} */
  comeBack(peer, storage) {
    return this.#visit(peer, { storage }, async ({ page, wire }) => {
      const known = await page.evaluate(() => window.probe.firstGated());
      await wire.quiet();
      const { wire: early, ahead: late } = wire.bytes();
      return { known, again: early + late };
    });
  }

  /**
   * @template T
   * @param {Peer} peer
   * @param {{ start?: (part: any) => void, storage?: Storage }} how `start` runs in the page before anything else of it
   * @param {(visit: { context: BrowserContext, page: Page, cdp: CDPSession, wire: Wire }) => Promise<T>} measure
   * @returns {Promise<T>}
   */
  async #visit(peer, { start = () => {}, storage: storageState }, measure) {
    const context = await this.browser.newContext({ storageState, viewport: { width: 1280, height: 800 }, locale: "en-US" });
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    try {
      const page = await context.newPage();
      /** @type {string[]} */
      const errors = [];
      page.on("pageerror", ({ message }) => errors.push(message));
      const late = new Promise((_, reject) => {
        const fail = () => reject(new Error(`a visit of ${peer.name} took more than ${VISIT_MS_MAX} ms. ${errors.join("; ")}`));
        timer = setTimeout(fail, VISIT_MS_MAX);
      });
      const cdp = await this.#throttled(page);
      const wire = await Wire.of(cdp);
      await page.addInitScript(installProbe);
      await page.addInitScript(start, peer.parts?.accept);
      await page.goto(`${this.site}/${peer.slug}/`, { waitUntil: "commit" });
      return /** @type {T} */ (await Promise.race([measure({ context, page, cdp, wire }), late]));
    } finally {
      clearTimeout(timer);
      await context.close();
    }
  }

  /** @param {Page} page */
  async #throttled(page) {
    const cdp = await page.context().newCDPSession(page);
    const { cpu, network } = this.condition;
    // By what the thread used, not by the clock: what else the machine does must not count.
    await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
    await cdp.send("Network.enable");
    if (network) {
      const { latency, download: downloadThroughput, upload: uploadThroughput } = network;
      await cdp.send("Network.emulateNetworkConditions", { offline: false, latency, downloadThroughput, uploadThroughput });
    }
    await cdp.send("Emulation.setCPUThrottlingRate", { rate: cpu });
    return cdp;
  }
}

/** What goes over the wire in one visit, headers included. */
class Wire {
  /** @type {Map<string, { isLate: boolean, isGated: boolean, bytes: number }>} */
  #requests = new Map();
  #under = new Set();
  #isLoaded = false;

  /** @param {CDPSession} cdp */
  static async of(cdp) {
    const wire = new Wire();
    cdp.on("Network.requestWillBeSent", ({ requestId, request }) => {
      wire.#requests.set(requestId, { isLate: wire.#isLoaded, isGated: request.url.includes("/gated/"), bytes: 0 });
      wire.#under.add(requestId);
    });
    cdp.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      const request = wire.#requests.get(requestId);
      if (request) request.bytes = encodedDataLength;
      wire.#under.delete(requestId);
    });
    cdp.on("Network.loadingFailed", ({ requestId }) => wire.#under.delete(requestId));
    cdp.on("Page.loadEventFired", () => (wire.#isLoaded = true));
    await cdp.send("Page.enable");
    return wire;
  }

  /** Settles when the page has loaded and nothing has been under way for a while. */
  async quiet() {
    let since = performance.now();
    while (performance.now() - since < QUIET_MS) {
      await sleep(LOOK_MS);
      if (!this.#isLoaded || this.#under.size > 0) since = performance.now();
    }
  }

  /** Until the page had loaded, and after that; the gated scripts aside. */
  bytes() {
    const ours = [...this.#requests.values()].filter(({ isGated }) => !isGated);
    const sum = (/** @type {boolean} */ late) => ours.filter(({ isLate }) => isLate === late).reduce((all, { bytes }) => all + bytes, 0);
    return { wire: sum(false), ahead: sum(true) };
  }
}
