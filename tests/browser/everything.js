/**
 * Pages with the tag of the site `everything`, whose policy uses all that a page can be wired with, on the real server.
 *
 * The pages are pretended, on the server's own origin, so that `'self'` in a Content-Security-Policy means what it says.
 */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { freePort, startServer, temporaryFolder } from "./harness.js";

/** @import { Browser, BrowserContextOptions, Locator, Page } from "playwright-core" */

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Where its policy lies, and nobody else's. */
export const EVERYTHING = "tests/browser/policies";

/** @param {string} [policies] @param {string} [keys] who signs identity tokens, as `consentry serve --identity` reads it */
export async function startSite(policies = EVERYTHING, keys) {
  const folder = await temporaryFolder();
  const port = await freePort();
  const identity = keys && join(folder.path, "identity.toml");
  if (identity) writeFileSync(identity, keys);
  const server = await startServer({ folder: folder.path, origin: `http://127.0.0.1:${port}`, port, policies, identity });
  const stop = async () => {
    await server.stop();
    await folder.remove();
  };
  return { url: server.url, stop };
}

export const BODY = `<main><h1>Page</h1><p>Text. <a id="link" href="#more">More</a></p></main>`;
export const FOOT = `<footer><button id="privacy" data-consentry="open">Privacy</button></footer>`;

/**
 * @typedef {object} Setting
 * @property {string} [site]
 * @property {string} [csp]
 * @property {string} [head] before the tag
 * @property {string} [body]
 * @property {string} [lang]
 * @property {number} [tags] how often the tag stands in the page
 * @property {() => void} [early] runs in the page before anything else
 * @property {BrowserContextOptions} [context]
 */

/** A visitor who has never been here. @param {Browser} browser @param {string} url @param {Setting} [setting] */
export async function visit(browser, url, { site = "everything", csp, head = "", body = BODY, lang = "en", tags = 1, early, context: options } = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  const tag = `<script src="/${site}.js" async></script>`.repeat(tags);
  const html = `<!doctype html><html lang="${lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <title>Page</title><link rel="icon" href="data:,">${head}${tag}</head><body>${body}${FOOT}</body></html>`;
  const headers = csp ? { "Content-Security-Policy": csp } : undefined;
  await page.route(`${url}/page`, (route) => route.fulfill({ contentType: "text/html; charset=utf-8", headers, body: html }));
  await page.addInitScript(() => {
    window.heard = [];
    document.addEventListener("consentry:sync", ({ detail }) => window.heard.push(["sync", detail]));
  });
  if (early) await page.addInitScript(early);
  await page.goto(`${url}/page`);
  const banner = page.locator("consentry-banner section");
  await banner.waitFor();
  return {
    context,
    page,
    errors,
    banner,
    centre: page.getByRole("dialog"),
    /** @param {string} name */
    press: (name) => page.getByRole("button", { name, exact: true }).click(),
    /** Opens the preference centre, by the banner's button or by the page's own. @param {string} [by] */
    open: async (by = "Choose") => {
      await page.getByRole("button", { name: by, exact: true }).click();
      await page.getByRole("dialog").waitFor();
      return page.getByRole("dialog");
    },
    /** @param {string} target */
    can: (target) =>
      page.evaluate((target) => {
        const [purpose, processor] = target.split("/");
        return consentry.can(purpose, processor ? { processor } : undefined);
      }, target),
    /** Settles when the server has the latest choice. */
    saved: () => page.waitForFunction(() => window.heard.at(-1)?.[1].state === "saved"),
    close: () => context.close(),
  };
}

/** @typedef {Awaited<ReturnType<typeof visit>>} Visit */

/** What has the focus, inside shadow roots too: its id, or else what it is called. @param {Page} page */
export const focused = (page) =>
  page.evaluate(() => {
    let active = document.activeElement;
    while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    return active?.id || active?.ariaLabel || (active?.localName === "button" && active.textContent) || active?.localName || "";
  });

/** All that could make one button weigh more than another. @param {Locator} button */
export const look = (button) =>
  button.evaluate((element) => {
    const { width, height } = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    const { color, backgroundColor, backgroundImage, borderColor, borderWidth, borderRadius, fontSize, fontWeight } = style;
    const { boxShadow, opacity, textDecorationLine, textTransform, letterSpacing, filter, padding } = style;
    return {
      ...{ width: Math.round(width), height: Math.round(height), color, backgroundColor, backgroundImage, borderColor },
      ...{ borderWidth, borderRadius, fontSize, fontWeight, boxShadow, opacity, textDecorationLine, textTransform },
      ...{ letterSpacing, filter, padding },
    };
  });

/** What axe finds; it looks into open shadow roots. @param {Page} page */
export async function violations(page) {
  // Through the debugger, which no policy of the page's binds.
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const results = await window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
  });
}

/** Whether the whole of it can be seen. @param {Page} page @param {Locator} element @param {string} name */
export async function assertInView(page, element, name) {
  const [box, size] = [await element.boundingBox(), page.viewportSize()];
  assert.ok(box && size, name);
  const isInside = box.x >= 0 && box.y >= 0 && box.x + box.width <= size.width && box.y + box.height <= size.height;
  assert.ok(isInside, `${name}: ${JSON.stringify(box)} in ${JSON.stringify(size)}`);
}
