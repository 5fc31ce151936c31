/**
 * The staged site of `stage.js`, with `more.js` and `debug.js` as they are, a widget that draws and chooses in a few lines,
 * and a server that also has records and accounts.
 *
 * `CONSENTRY_MORE` and `CONSENTRY_DEBUG` name built (minified) scripts to test in place of the sources.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launchBrowser } from "./harness.js";
import { CONSENTRY, POLICY, bootDocument, openStage } from "./stage.js";

/** @import { Browser, Page } from "playwright-core" */
/** @import { Answer, Play, Stage } from "./stage.js" */

export const STRICT_CSP =
  `default-src 'none'; script-src 'nonce-x' 'wasm-unsafe-eval'; connect-src ${CONSENTRY}; frame-src https://others.test; ` +
  "require-trusted-types-for 'script'; trusted-types consentry";

/** One function expression that is called at once, from the folder of its sources. @param {"more" | "debug"} name */
export function scriptSource(name) {
  const built = process.env[`CONSENTRY_${name.toUpperCase()}`];
  if (built) return readFileSync(built, "utf8");
  /** @param {string} file */
  const read = (file) => readFileSync(new URL(`../../www/${name}/${file}`, import.meta.url), "utf8");
  const parts = read("order.txt").trim().split("\n").map(read);
  const source = `(function(){"use strict";\n${parts.join("\n")}\n})();`;
  return source.replace(`"@${name}.css"`, () => JSON.stringify(read(`${name}.css`)));
}

/** Grants and refuses without asking a core, and draws one button for each root. */
const WIDGET = `
  consentry._widget = async ({ module_or_path }) => {
    await WebAssembly.instantiateStreaming(module_or_path);
    const drawn = (window.drawn = []);
    document.addEventListener("consentry:set", ({ detail }) => {
      window.setDetail = detail;
      const known = window.heard.filter(([name]) => name === "change").at(-1)?.[1].allowed ?? [];
      const allowed = new Set(known);
      for (const [target, stance] of Object.entries(detail.stances)) {
        if (stance === "grant") allowed.add(target);
        else allowed.delete(target);
      }
      if (window.silent) return;
      const { hash: policy, notice, language } = detail.centre;
      const choice = { id: crypto.randomUUID(), policy, notice, language, surface: detail.surface, stances: detail.stances };
      const init = { detail: { v: 1, choice, allowed: [...allowed], until_ms: 4e12, ask_ms: 4e12 } };
      document.dispatchEvent(new CustomEvent("consentry:choice", init));
    });
    document.addEventListener("consentry:mount", ({ detail: { root, kind, target, choices } }) => {
      drawn.push([kind, target, choices.length]);
      const button = root.querySelector("button") ?? root.appendChild(document.createElement("button"));
      button.textContent = kind + " " + target;
    });
    document.addEventListener("consentry:unmount", ({ detail: { root } }) => drawn.push(["unmount", root.host.localName]));
    document.addEventListener("consentry:open", () => {
      document.documentElement.append(document.createElement("consentry-centre"));
    });
  };`;

/** @param {string} language @param {string} analytics */
function centreDocument(language, analytics) {
  return JSON.stringify({
    v: 1,
    hash: POLICY,
    notice: "a".repeat(64),
    language,
    policy: {
      controller: { name: "AdForge", contact: "mailto:privacy@adforge.example" },
      purposes: [
        { id: "analytics", kind: "cookies" },
        { id: "marketing", kind: "marketing" },
        { id: "downstream-ai", kind: "downstream-ai" },
      ],
      processors: [{ id: "kling", name: "Kling" }],
    },
    texts: { "purpose.analytics.title": analytics, "purpose.marketing.title": "Marketing" },
  });
}

/** @type {Record<string, [type: string, body: string]>} */
const ASSETS = {
  "/assets/more.full.js": ["text/javascript", scriptSource("more")],
  "/assets/debug.full.js": ["text/javascript", scriptSource("debug")],
  "/assets/widget.small.js": ["text/javascript", WIDGET],
  "/assets/centre.full.json": ["application/json", centreDocument("en", "Analytics cookies")],
  "/assets/centre.de.json": ["application/json", centreDocument("de", "Besuche zählen")],
};

/** @param {string} path @returns {[string, string]} */
export function asset(path) {
  return [path, `sha384-${createHash("sha384").update(ASSETS[path][1]).digest("base64")}`];
}

/** AdForge's boot document, with the assets of this stage. @param {Record<string, unknown>} [changes] */
export function fullBoot(changes = {}) {
  const boot = bootDocument(changes);
  const widget = {
    ...boot.widget,
    js: asset("/assets/widget.small.js"),
    centre: asset("/assets/centre.full.json"),
    more: asset("/assets/more.full.js"),
    debug: asset("/assets/debug.full.js"),
  };
  return { ...boot, widget: { ...widget, ...(changes.widget ?? {}) } };
}

/** A page whose one script tag has a nonce, as strict policies want it. @param {string} body @param {string} [head] */
export function strictPage(body, head = "") {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>${head}
    <script src="${CONSENTRY}/adforge.js" nonce="x" async></script></head><body><main><h1>Shop</h1>${body}</main></body></html>`;
}

/**
 * Runs `body` on a staged page whose `window.consentry` is there, and `more.js` with it.
 *
 * @typedef {Stage & { answers: Record<string, Answer>, asked: { path: string, method: string, token?: string, body: any }[] }} FullStage
 */
export function fullTests() {
  /** @type {Browser} */
  let browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  /** @param {string} name @param {Play & { more?: boolean }} play @param {(stage: FullStage) => Promise<void>} body */
  return function onFullStage(name, { more = true, ...play }, body) {
    test(name, async () => {
      const staged = await openStage(browser, { boot: fullBoot(), ...play, stay: true });
      /** @type {FullStage} */
      const stage = Object.assign(staged, { answers: {}, asked: [] });
      try {
        await routeRest(stage);
        await stage.visit();
        await stage.page.waitForFunction(() => window.heard.length > 0);
        if (more) await stage.page.evaluate(() => consentry.receipt());
        await body(stage);
      } finally {
        await stage.close();
      }
    });
  };
}

/** @param {FullStage} stage */
async function routeRest(stage) {
  const cors = { "Access-Control-Allow-Origin": "*" };
  await stage.context.route(`${CONSENTRY}/**`, (route) => {
    const request = route.request();
    const { pathname } = new URL(request.url());
    if (pathname in ASSETS) {
      const [contentType, body] = ASSETS[pathname];
      return route.fulfill({ contentType, headers: cors, body });
    }
    const [, path] = /^\/v1\/sites\/adforge\/(record|export|identity|demands|receipts\/[\w-]+)$/.exec(pathname) ?? [];
    if (!path || (path === "demands" && !stage.answers.demands)) return route.fallback();
    stage.asked.push({ path, method: request.method(), token: request.headers().authorization, body: request.postDataJSON() });
    const answer = stage.answers[path] ?? { status: 404, body: { title: "not found" } };
    if (answer === "offline") return route.abort("internetdisconnected");
    return route.fulfill({
      status: answer.status,
      contentType: "application/json",
      headers: cors,
      body: JSON.stringify(answer.body ?? {}),
    });
  });
}

/** What a page's event says, once it comes. @param {Page} page @param {string} name @returns {Promise<() => Promise<any>>} */
export async function nextEvent(page, name) {
  const key = `next ${name}`;
  await page.evaluate(
    ([key, name]) => {
      const all = /** @type {any} */ (window);
      all[key] = new Promise((resolve) => {
        document.addEventListener(`consentry:${name}`, (event) => resolve(/** @type {CustomEvent} */ (event).detail), { once: true });
      });
    },
    [key, name],
  );
  return () => page.evaluate((key) => /** @type {any} */ (window)[key], key);
}

/** @param {Page} page @param {string} name @param {object} detail */
export function send(page, name, detail) {
  return page.evaluate(
    ([name, detail]) =>
      void document.dispatchEvent(new CustomEvent(`consentry:${name}`, { detail: { v: 1, .../** @type {object} */ (detail) } })),
    /** @type {const} */ ([name, detail]),
  );
}
