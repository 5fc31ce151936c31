/**
 * What runs inside the page, the same for everybody: `window.probe`.
 *
 * It looks once a frame, since nobody sees anything between frames, and takes a click's time from the click to the end of the
 * frame that shows what came of it. Each visit uses only the part of it that the visit is about, so that looking for the
 * banner does not weigh on the figures for script time and long tasks.
 *
 * Deliberately absent: anything that asks from outside, whose way into the page would be measured too. This file is sent into
 * pages as text: it imports nothing.
 */

/** @import { Part } from "./peers.js" */

export function installProbe() {
  /** A click that came to nothing is made again after this. */
  const AGAIN_MS = 100;

  /** @param {Part | undefined} part @returns {HTMLElement | undefined} */
  function find(part) {
    if (!part) return undefined;
    const root = part.host ? document.querySelector(part.host)?.shadowRoot : document;
    const all = /** @type {HTMLElement[]} */ ([...(root?.querySelectorAll(part.selector) ?? [])]);
    return all.find((element) => !part.text || element.textContent?.trim() === part.text);
  }

  /** Whether a click at its centre would be its own. @param {HTMLElement | undefined} element */
  function isHit(element) {
    if (!element?.isConnected || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false;
    const { left, top, width, height } = element.getBoundingClientRect();
    const [x, y] = [left + width / 2, top + height / 2];
    let hit = document.elementFromPoint(x, y);
    for (let inner = hit; inner?.shadowRoot && (inner = inner.shadowRoot.elementFromPoint(x, y)) && inner !== hit; ) hit = inner;
    return width > 0 && height > 0 && element.contains(hit);
  }

  /** Calls once the next frame is done: style, layout and paint included. @param {() => void} then */
  function afterFrame(then) {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = then;
      port2.postMessage(null);
    });
  }

  /**
   * Clicks at the start of a frame; settles with the time until the end of the first one in which it is `done`.
   *
   * @param {HTMLElement} element
   * @param {() => boolean} done
   * @returns {Promise<number>}
   */
  function timeClick(element, done) {
    return new Promise((resolve) => {
      requestAnimationFrame(() => {
        const clicked = performance.now();
        const look = () => (done() ? resolve(performance.now() - clicked) : afterFrame(look));
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = look;
        element.click();
        port2.postMessage(null);
      });
    });
  }

  /** Whether a gated script is in the page to be run. */
  function hasStarted() {
    return [...document.scripts].some(({ src, type }) => src.includes("/gated/") && type !== "text/plain");
  }

  /** When the first gated script was asked for, as the browser says. @returns {Promise<number>} */
  function firstGated() {
    return new Promise((resolve) => {
      new PerformanceObserver((list) => {
        const times = list.getEntries().filter(({ name }) => name.includes("/gated/"));
        if (times.length) resolve(Math.min(...times.map(({ startTime }) => startTime)));
      }).observe({ type: "resource", buffered: true });
    });
  }

  /** Settles when the banner can be clicked. @param {Part} part @returns {Promise<void>} */
  function shown(part) {
    return new Promise((resolve) => {
      const look = () => (isHit(find(part)) ? resolve() : requestAnimationFrame(look));
      look();
    });
  }

  /**
   * Clicks "accept" as soon as it can be hit, until that has an effect.
   *
   * @param {Part} part
   * @returns {Promise<{ clickable: number, gated: number }>}
   */
  async function acceptAtOnce(part) {
    const clickable = await new Promise((resolve) => {
      let clicked = -Infinity;
      const look = () => {
        if (hasStarted()) return resolve(clicked);
        const accept = find(part);
        if (performance.now() - clicked > AGAIN_MS && accept && isHit(accept)) {
          clicked = performance.now();
          accept.click();
        }
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    return { clickable, gated: (await firstGated()) - clickable };
  }

  /** @param {Record<string, Part>} parts @returns {Promise<{ open: number, toggle: number, save: number }>} */
  async function choose({ customise, dialog, toggle, save }) {
    /** @param {Part} part */
    const wait = (part) => {
      const element = find(part);
      if (!element) throw new Error(`nothing in the page is ${JSON.stringify(part)}`);
      return element;
    };
    const open = await timeClick(wait(customise), () => isHit(find(dialog)));
    const control = /** @type {HTMLInputElement} */ (wait(toggle));
    // Some draw the control anew: it is looked up each time.
    const state = () => {
      const now = /** @type {HTMLInputElement} */ (find(toggle));
      return now.getAttribute("aria-checked") ?? String(now.checked);
    };
    const before = state();
    const toggled = await timeClick(control, () => state() !== before);
    const saved = await timeClick(wait(save), () => !isHit(find(dialog)));
    return { open, toggle: toggled, save: saved };
  }

  /** Everything that moved by itself, and every task that kept the page from answering. */
  function watch() {
    const seen = { shift: 0, tasks: /** @type {number[]} */ ([]) };
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) seen.shift += /** @type {any} */ (entry).value;
    }).observe({ type: "layout-shift", buffered: true });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) seen.tasks.push(duration);
    }).observe({ type: "longtask", buffered: true });
    return seen;
  }

  /** @type {any} */ (window).probe = { acceptAtOnce, choose, firstGated, shown, watch };
}
