/**
 * A staged page with parts of the loader in its head, as `/{site}.js` would have them, before a loader that is only
 * pretended: it answers `can`, opens what is tagged as the gate does, and tells of changes.
 *
 * `CONSENTRY_PARTS` names a folder of built (minified) parts to test in place of the sources.
 *
 * Deliberately absent: any real network, and choices: a test says what is allowed (`stage.allow`).
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launchBrowser } from "./harness.js";

/** @import { Browser, BrowserContextOptions, Page, Route } from "playwright-core" */

/** With a subdomain and folders, so that there are domains and paths for a cookie to have. */
export const HOST = "https://www.shop.test";
export const PAGE = `${HOST}/goods/shoes/red.html`;
export const CONSENTRY = "https://consent.test";

/** What the tests guard, one of its subdomains, and somebody whom nothing is held back from. */
export const STATS = "https://stats.test";
export const STATS_CDN = "https://cdn.eu.stats.test";
export const FRIEND = "https://friend.test";

/** How long a test waits for what should come. */
const WAIT_MS_MAX = 10_000;

/** The part as one function expression. @param {string} name */
export function partSource(name) {
  const built = process.env.CONSENTRY_PARTS;
  if (built) return readFileSync(join(built, `${name}.js`), "utf8").replace(/;\s*$/, "");
  const source = readFileSync(new URL(`../../www/parts/${name}.js`, import.meta.url), "utf8");
  return `(function(config){"use strict";\n${source}\n})`;
}

/** What the real loader does that parts can see. @param {string[]} first what is allowed at the start */
function pretendLoader(first) {
  if (window.consentry && "_renew" in window.consentry) return;
  /** @type {string[]} */
  let allowed = [];
  /** @param {Element} element */
  const settle = (element) => {
    const isOpen = allowed.includes(element.getAttribute("data-consent") ?? "");
    if (element instanceof HTMLScriptElement) {
      if (!isOpen || element.type !== "text/plain") return;
      const script = document.createElement("script");
      for (const { name, value } of element.attributes) {
        if (!/^(data-)?(src|type)$/.test(name)) script.setAttribute(name, value);
      }
      script.type = element.getAttribute("data-type") ?? "";
      script.async = element.hasAttribute("async");
      script.src = element.getAttribute("data-src") ?? "";
      element.replaceWith(script);
      return;
    }
    for (const name of ["src", "srcset", "href"]) {
      const address = element.getAttribute(`data-${name}`);
      if (address === null) continue;
      if (!isOpen) element.removeAttribute(name);
      else if (element.getAttribute(name) !== address) element.setAttribute(name, address);
    }
  };
  const settleAll = () => document.querySelectorAll("[data-consent]").forEach(settle);
  const pretended = {
    /** @param {string} target */
    can: (target) => allowed.includes(target),
    _renew() {},
    /** @param {string[]} list */
    allow(list) {
      allowed = list;
      settleAll();
      document.dispatchEvent(new CustomEvent("consentry:change", { detail: { v: 1, allowed: list } }));
    },
    /** @param {string} state */
    sync: (state) => document.dispatchEvent(new CustomEvent("consentry:sync", { detail: { v: 1, state } })),
  };
  // What parts have left for the loader.
  Object.assign(window, { left: window.consentry, consentry: pretended });
  new MutationObserver(settleAll).observe(document, { childList: true, subtree: true });
  if (first.length) pretended.allow(first);
}

/**
 * @typedef {object} Play
 * @property {Record<string, object>} parts their configurations by name, in order
 * @property {string[]} [allowed] at the start
 * @property {string} [before] what the head has before the tag
 * @property {string} [head] and after it
 * @property {string} [body]
 * @property {string} [tag] attributes of the tag
 * @property {Record<string, string>} [headers] of the page
 * @property {(stage: PartsStage) => Promise<void>} [first] what happens before the page is visited
 */

/** `/{site}.js` as the server puts it together. @param {Play} play */
export function siteScript({ parts, allowed = [] }) {
  const calls = Object.entries(parts).map(([name, config]) => `${partSource(name)}(${JSON.stringify(config)});`);
  return `${calls.join("\n")}\n(${pretendLoader})(${JSON.stringify(allowed)});`;
}

/** @param {Browser} browser @param {Play} play */
async function openPartsStage(browser, play) {
  const context = await browser.newContext({ serviceWorkers: "block" });
  const page = await context.newPage();
  const stage = {
    context,
    page,
    /** Addresses asked for, of all but the page's own host and Consentry's, in order. @type {string[]} */
    requests: [],
    /** How often the page was asked for. */
    visits: 0,
    /** What nobody caught. @type {string[]} */
    errors: [],
    /** @param {string[]} list */
    allow: (list) => page.evaluate((list) => /** @type {any} */ (window.consentry).allow(list), list),
    /** @param {string} state */
    sync: (state) => page.evaluate((state) => /** @type {any} */ (window.consentry).sync(state), state),
    visit: () => page.goto(PAGE),
    /** What an expression is in the page. @param {string} expression @returns {Promise<any>} */
    look: (expression) => page.evaluate(expression),
    /** Settles when it is true there. Evaluated from outside, since a page's CSP may forbid that inside. @param {string} expression */
    until: (expression) => page.evaluate(`new Promise((resolve, reject) => {
      const look = () => { if (${expression}) resolve(); else setTimeout(look, 10) };
      setTimeout(reject, ${WAIT_MS_MAX}, new Error("never came true"));
      look();
    })`),
  };
  page.on("pageerror", (error) => stage.errors.push(error.message));
  await context.route("**/*", (route) => perform(stage, play, route));
  if (play.first) await play.first(stage);
  await stage.visit();
  return stage;
}

/** @typedef {Awaited<ReturnType<typeof openPartsStage>>} PartsStage */

/** @param {PartsStage} stage @param {Play} play @param {Route} route */
async function perform(stage, play, route) {
  const url = new URL(route.request().url());
  if (url.origin === CONSENTRY) return route.fulfill({ contentType: "text/javascript", body: siteScript(play) });
  const isGuarded = url.origin !== HOST;
  if (isGuarded) stage.requests.push(url.href);
  const headers = isGuarded ? { "Access-Control-Allow-Origin": "*" } : play.headers;
  const [, extension] = /\.(\w+)$/.exec(url.pathname) ?? [];
  if (extension === "js") {
    const body = `(window.ran = window.ran || []).push(${JSON.stringify(url.pathname.slice(1))})`;
    return route.fulfill({ contentType: "text/javascript", headers, body });
  }
  if (extension === "css") return route.fulfill({ contentType: "text/css", headers, body: "body{color:rgb(1,2,3)}" });
  if (extension === "svg") return route.fulfill({ contentType: "image/svg+xml", headers, body: PICTURE });
  if (isGuarded) return route.fulfill({ contentType: "text/html", headers, body: "<p>theirs" });
  if (route.request().isNavigationRequest()) stage.visits++;
  const { before = "", head = "", body = "", tag = "" } = play;
  return route.fulfill({
    contentType: "text/html; charset=utf-8",
    headers,
    body: `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>${before}
      <script src="${CONSENTRY}/shop.js" ${tag}></script>${head}</head><body>${body}</body></html>`,
  });
}

const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4"/></svg>`;

/** One browser for a file of tests, and what makes a test of a stage. */
export function partsTests() {
  /** @type {Browser} */
  let browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  /** @param {string} name @param {Play} play @param {(stage: PartsStage) => Promise<void>} body */
  return function onPartsStage(name, play, body) {
    test(name, async () => {
      const stage = await openPartsStage(browser, play);
      try {
        await body(stage);
      } finally {
        await stage.context.close();
      }
    });
  };
}
