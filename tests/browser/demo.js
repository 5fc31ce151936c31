/**
 * Puts AdForge's demo page on a stage, with a pretended back end: `/api/render` allows what the page's Consentry allows.
 *
 * For pictures and for tests of the page itself; the journey through the real back end starts it with `startSite`.
 */

import { existsSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import { CONSENTRY, SITE } from "./stage.js";

/** @import { Stage } from "./stage.js" */

const FOLDER = new URL("../../www/demo/adforge/", import.meta.url);

/** What the demo's back end sends with every page. */
export const DEMO_CSP = `default-src 'self'; script-src 'self' ${CONSENTRY}; style-src 'self'; connect-src 'self' ${CONSENTRY}`;

/** @type {Record<string, string>} */
const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml" };

/** @param {Stage} stage */
export async function performDemo(stage) {
  await stage.context.route(`${SITE}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === "/api/render") {
      const { model } = route.request().postDataJSON();
      const allow = await stage.page.evaluate((processor) => consentry.can("downstream-ai", { processor }), model);
      return route.fulfill(allow ? allowed(model) : denied(model));
    }
    const name = pathname === "/" ? "index.html" : pathname.slice(1);
    const file = new URL(name, FOLDER);
    if (!existsSync(file)) return route.fulfill({ status: 404 });
    const body = readFileSync(file, "utf8").replaceAll("__CONSENTRY__", CONSENTRY);
    return route.fulfill({ contentType: TYPES[extname(name)], headers: { "Content-Security-Policy": DEMO_CSP }, body });
  });
}

/** @param {string} model */
function decision(model) {
  const common = { v: 1, decided_by: `downstream-ai/${model}`, basis: "consent", regime: "opt-in", policy: "1".repeat(64) };
  return { ...common, events: ["0198c0de-0000-7000-8000-000000000001"], valid_until_ms: 1_763_800_300_000 };
}

/** @param {string} model */
function allowed(model) {
  const obligations = [{ type: "no-training" }, { type: "delete-after-use" }];
  const answer = { ...decision(model), allow: true, reason: "given", obligations, features_lost: [] };
  return { contentType: "application/json", body: JSON.stringify({ clip: `clip-0042-${model}.mp4`, decision: answer }) };
}

/** @param {string} model */
function denied(model) {
  const answer = { ...decision(model), allow: false, reason: "refused", obligations: [], features_lost: ["cinematic-transitions"] };
  const body = { type: "/problems/not-allowed", title: "not allowed", status: 403, decision: answer };
  return { status: 403, contentType: "application/problem+json", body: JSON.stringify(body) };
}
