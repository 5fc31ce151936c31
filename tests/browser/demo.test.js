/** AdForge's own page: it shows what Consentry says, and does what its back end answers. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { performDemo } from "./demo.js";
import { POLICY, stagedTests } from "./stage.js";

/** @import { Stage } from "./stage.js" */

const onStage = stagedTests();
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Opens the page; what its CSP refuses is noted. @param {Stage} stage @returns {Promise<string[]>} */
async function visitDemo(stage) {
  /** @type {string[]} */
  const complaints = [];
  stage.page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await performDemo(stage);
  await stage.visit();
  await stage.banner.waitFor();
  return complaints;
}

/** @param {Stage} stage @param {string} name */
function listed(stage, name) {
  return stage.page.locator("#allowed li").filter({ hasText: name }).locator("span").last().textContent();
}

for (const [name, context] of /** @type {const} */ ([
  ["light", { viewport: { width: 1280, height: 800 } }],
  ["dark", { viewport: { width: 1280, height: 800 }, colorScheme: "dark" }],
  ["320_px", { viewport: { width: 320, height: 640 } }],
])) {
  onStage(`axe_finds_nothing_on_the_demo_page_in_${name}`, { stay: true, context }, async (stage) => {
    assert.deepEqual(await visitDemo(stage), []);
    await stage.press("Accept all");
    await stage.press("Render clip");
    await stage.page.locator("#result:not(:empty)").waitFor();
    await stage.page.evaluate(AXE);
    const found = await stage.page.evaluate(async () => {
      const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
    });
    assert.deepEqual(found, []);
    const sideways = await stage.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(sideways <= 0, `${sideways} px too wide`);
  });
}

onStage("nothing_leaves_before_a_choice", { stay: true }, async (stage) => {
  await visitDemo(stage);
  await stage.press("Render clip");
  await stage.page.getByText("You have not chosen yet").waitFor();
  assert.ok(!stage.requests.some((url) => url.endsWith("/api/render") || url.endsWith("/analytics.js") || url.endsWith("/showcase.html")));
  assert.equal(await listed(stage, "Kling"), "Not allowed");
  assert.equal(await listed(stage, "Security"), "Allowed");
});

onStage("a_refusal_shows_what_stops_working", { stay: true }, async (stage) => {
  await visitDemo(stage);
  await stage.press("Refuse all");
  await stage.press("Render clip");
  await stage.page.getByText("Without it, this does not work: cinematic transitions.").waitFor();
  assert.match((await stage.page.locator("#decision").textContent()) ?? "", /"reason": "refused"/);
  const subject = await stage.page.evaluate(() => consentry.subject);
  assert.ok(subject && (await stage.page.locator("#curl").textContent())?.includes(subject));
});

onStage("a_withdrawal_closes_showcase_and_counter_at_once", { stay: true }, async (stage) => {
  await visitDemo(stage);
  await stage.press("Accept all");
  await stage.page.frameLocator("iframe").getByText("Made with Kling").waitFor();
  await stage.page.getByText("this is your first visit").waitFor();
  await stage.press("Render clip");
  await stage.page.getByText("Your photo went to Kling").waitFor();
  await stage.page.evaluate((policy) => {
    const choice = { id: "0198c0de-0000-7000-8000-000000000001", policy, notice: "n", language: "en", surface: "centre", stances: {} };
    const allowed = ["downstream-ai", "downstream-ai/gemini", "security", "service-messages"];
    document.dispatchEvent(new CustomEvent("consentry:choice", { detail: { v: 1, choice, allowed, until_ms: 4e12, ask_ms: 4e12 } }));
  }, POLICY);
  assert.equal(await listed(stage, "Kling"), "Not allowed");
  assert.equal(await listed(stage, "Gemini"), "Allowed");
  assert.equal(await stage.page.locator("iframe").getAttribute("src"), null);
  await stage.page.getByText("Not counting").waitFor();
  assert.equal(await stage.page.evaluate(() => localStorage["adforge:visits"]), undefined);
  await stage.press("Render clip");
  await stage.page.getByText("Your photo did not go to Kling").waitFor();
});
