/** The parts with the real loader behind them, as a site's script brings them. */

import assert from "node:assert/strict";
import { CONSENTRY, OTHERS, loaderSource, pageWith, stagedTests } from "./stage.js";
import { partSource } from "./stage-parts.js";

/** @import { Stage } from "./stage.js" */

const onStage = stagedTests();

/** A site's script with these parts, before the loader; then the page. @param {Stage} stage @param {Record<string, object>} parts */
async function visitWith(stage, parts) {
  const calls = Object.entries(parts).map(([name, config]) => `${partSource(name)}(${JSON.stringify(config)});`);
  const body = `${calls.join("\n")}\n${loaderSource()}(${JSON.stringify(stage.boot)});`;
  await stage.context.route(`${CONSENTRY}/adforge.js`, (route) => route.fulfill({ contentType: "text/javascript", body }));
  await stage.visit();
}

const GUARD = { guard: { hosts: { "others.test": "analytics" } } };

/** The tag stands before what the page has, and holds the parser: an `async` one guards what comes after it. @param {string} body */
const guarded = (body) => pageWith(body, `<script src="${CONSENTRY}/adforge.js"></script>`);

onStage(
  "what_the_guard_holds_back_the_gate_opens_and_closes",
  {
    stay: true,
    html: guarded(`<main><h1>Shop</h1><script src="${OTHERS}/plain.js"></script><iframe id="frame" src="${OTHERS}/film"></iframe></main>`),
  },
  async (stage) => {
    await visitWith(stage, GUARD);
    await stage.page.evaluate((url) => {
      const script = document.createElement("script");
      script.onload = () => window.ran.push("and the page heard of it");
      script.src = url;
      document.head.append(script);
      new Image().src = url;
    }, `${OTHERS}/made.js`);
    assert.equal(await stage.page.evaluate(() => document.querySelectorAll('[data-consent="analytics"]').length), 3);
    assert.deepEqual(await stage.page.evaluate(() => window.ran), []);
    await stage.press("Accept all");
    await stage.page.waitForFunction(() => window.ran.length === 3);
    const ran = await stage.page.evaluate(() => window.ran);
    assert.deepEqual(ran.toSorted(), ["and the page heard of it", "made", "plain"]);
    await stage.page.waitForFunction(() => document.querySelector("iframe")?.hasAttribute("src"));
    await stage.page.evaluate(() => consentry.refuseAll());
    assert.equal(await stage.page.evaluate(() => document.querySelector("iframe")?.hasAttribute("src")), false);
    assert.deepEqual(stage.errors, []);
  },
);

onStage(
  "google_hears_a_stored_choice_before_the_next_tag_runs",
  { stay: true, html: guarded(`<main><h1>Shop</h1><script>window.ran = dataLayer.map(([, what, state]) => [what, state.analytics_storage].join())</script></main>`) },
  async (stage) => {
    const signals = { google: { analytics_storage: ["analytics"] }, microsoft: null, wordpress: {}, optin: true };
    await visitWith(stage, { signals });
    assert.deepEqual(await stage.page.evaluate(() => window.ran), ["default,denied", "ads_data_redaction,"]);
    await stage.press("Accept all");
    await stage.visit();
    assert.deepEqual(await stage.page.evaluate(() => window.ran), ["default,denied", "ads_data_redaction,", "update,granted"]);
  },
);

onStage("a_withdrawal_clears_and_reloads_when_the_server_has_it", { stay: true }, async (stage) => {
  await visitWith(stage, { clean: { clean: [["analytics", ["_ga*"], ["_stats"]]], reload: ["analytics"] } });
  await stage.press("Accept all");
  await stage.synced("saved");
  await stage.page.evaluate(() => {
    document.cookie = "_ga=1";
    localStorage._stats = "1";
  });
  const next = stage.page.waitForEvent("domcontentloaded");
  await stage.page.evaluate(() => consentry.refuseAll());
  await next;
  assert.equal(stage.posts.length, 2);
  assert.equal(await stage.page.evaluate(() => document.cookie + (localStorage._stats ?? "")), "");
  assert.ok(await stage.stored());
});
