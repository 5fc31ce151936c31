/** What developers are shown: what is gated and why it is closed, what is not, and where markup and policy disagree. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { CONSENTRY, OTHERS, loaderSource, pageWith } from "./stage.js";
import { STRICT_CSP, fullBoot, fullTests, strictPage } from "./stage-more.js";

/** @import { FullStage } from "./stage-more.js" */

const onStage = fullTests();
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const RULES = [{ hosts: { "stats.test": "analytics" } }, { clean: [["analytics", ["_ga*"], ["_stats.*"]]], reload: [] }];

const PAGE = pageWith(
  `<main><h1>Shop</h1>
    <script type="text/plain" data-consent="analytics" id="closed">window.ran.push("closed")</script>
    <script type="text/plain" data-consent="security" id="open">window.ran.push("open")</script>
    <iframe title="Film" data-consent="analytic | marketing &amp; !security" data-src="${OTHERS}/film"></iframe>
    <iframe title="Early" data-consent="analytics" src="${OTHERS}/early"></iframe>
    <img alt="" src="${OTHERS}/pixel">
    <img alt="" src="https://a.stats.test/pixel">
    <link rel="canonical" href="${OTHERS}/canonical">
    <script type="text/plain" data-category="measurement"></script>
    <consentry-toggle purpose="downstream-ai" processor="klin"></consentry-toggle>
  </main>`,
  `<script src="${OTHERS}/first.js"></script>`,
);

/** The panel, open, on a page whose script also has rules. @param {FullStage} stage */
async function openPanel(stage) {
  const parts = RULES.map((rules) => `(function(config){"use strict"})(${JSON.stringify(rules)});`).join("");
  await stage.context.route(`${CONSENTRY}/adforge.js`, (route) =>
    route.fulfill({
      contentType: "text/javascript",
      headers: { "Access-Control-Allow-Origin": "*" },
      body: `${parts}${loaderSource()}(${JSON.stringify(stage.boot)})`,
    }),
  );
  await stage.page.evaluate(() => consentry.debug());
  const panel = stage.page.getByRole("region", { name: "Consentry debug" });
  await panel.getByText("Allowed now").waitFor();
  return panel;
}

/** What a section lists. @param {FullStage} stage @param {string} title */
const section = (stage, title) =>
  stage.page.evaluate((title) => {
    const all = document.querySelector("consentry-debug")?.shadowRoot?.querySelectorAll("details") ?? [];
    const found = [...all].find((details) => details.querySelector("h3")?.textContent === title);
    return [...(found?.querySelectorAll("li") ?? [])].map((item) => item.textContent ?? "");
  }, title);

/** @param {string[]} lines @param {RegExp} pattern */
const has = (lines, pattern) =>
  assert.ok(
    lines.some((line) => pattern.test(line)),
    `${pattern} in\n${lines.join("\n")}`,
  );
/** @param {string[]} lines @param {RegExp} pattern */
const hasNot = (lines, pattern) => assert.ok(!lines.some((line) => pattern.test(line)), `${pattern} in\n${lines.join("\n")}`);

onStage(
  "it_says_which_policy_regime_language_and_signal_hold",
  { html: PAGE, boot: fullBoot({ gpc: ["analytics"] }) },
  async (stage) => {
    await openPanel(stage);
    const state = await section(stage, "State");
    for (const pattern of [
      /Policy 1{64}/,
      /Regime opt-in/,
      /Language en of en, de, ar/,
      /Global Privacy Control: off, honoured here; it ends analytics/,
      /Nothing chosen yet/,
      /Allowed now: security, service-messages/,
    ])
      has(state, pattern);
  },
);

onStage("every_gated_element_says_whether_it_is_open_and_which_term_keeps_it_closed", { html: PAGE }, async (stage) => {
  await openPanel(stage);
  const gated = await section(stage, "Gated");
  has(gated, /closed: analytics is off.*id="closed"/);
  has(gated, /open: security holds.*id="open"/);
  has(gated, /closed: analytic is unknown: did you mean analytics\?; or marketing is off, security is on, and must be off.*film/);
});

onStage("it_follows_what_is_chosen_and_what_the_page_adds", { html: PAGE }, async (stage) => {
  const panel = await openPanel(stage);
  await stage.press("Accept all");
  await panel.getByText("open: ").nth(1).waitFor();
  has(await section(stage, "Gated"), /open: analytics holds/);
  await stage.page.evaluate((others) => {
    document.body.append(Object.assign(document.createElement("img"), { src: `${others}/late`, alt: "" }));
  }, OTHERS);
  await panel.getByText(`data-src="${OTHERS}/late"`).waitFor();
});

onStage("what_is_not_tagged_is_named_with_the_tag_to_write_unless_a_rule_covers_it", { html: PAGE }, async (stage) => {
  await stage.page.evaluate((others) => fetch(`${others}/beacon`).catch(() => {}), OTHERS);
  await stage.page.waitForFunction((others) => performance.getEntriesByName(`${others}/beacon`).length > 0, OTHERS);
  await openPanel(stage);
  const untagged = await section(stage, "Not tagged");
  has(untagged, /others\.test: <img> without a tag.*<img data-consent="<purpose>" data-src="https:\/\/others\.test\/pixel">/);
  has(untagged, /<script type="text\/plain" data-consent="<purpose>" data-src="https:\/\/others\.test\/first\.js">/);
  has(untagged, /asked for by fetch \(\/beacon\).*\[page\.hosts\]\s<purpose> = \["others\.test"\]/s);
  for (const pattern of [/stats\.test/, /canonical/, /consent\.test/, /film/]) hasNot(untagged, pattern);
});

onStage("cookies_and_keys_that_no_pattern_covers_are_named", { html: PAGE }, async (stage) => {
  await stage.press("Refuse all");
  await stage.page.evaluate(() => {
    document.cookie = "_ga_1=x";
    document.cookie = "basket=x";
    Object.assign(localStorage, { "_stats.a": "x", _statsa: "x", theme: "dark" });
    sessionStorage.step = "1";
  });
  await openPanel(stage);
  const kept = await section(stage, "Cookies and storage");
  has(kept, /cookie basket belongs to no purpose.*\[page\.cookies\]\s<purpose> = \["basket"\]/s);
  has(kept, /localStorage key theme.*\[page\.storage\]/s);
  has(kept, /localStorage key _statsa/);
  has(kept, /sessionStorage key step/);
  for (const pattern of [/_ga_1/, /_stats\.a/, /consentry:/]) hasNot(kept, pattern);
});

onStage("it_checks_that_markup_and_policy_agree", { html: PAGE }, async (stage) => {
  await openPanel(stage);
  const checks = await section(stage, "Markup and policy");
  has(checks, /analytic is not in the policy, so this never opens: did you mean analytics\?/);
  has(checks, /downstream-ai\/klin is not in the policy.*did you mean downstream-ai\/kling\?/);
  has(checks, /measurement is another system's name.*\[page\.names\]\s"measurement" = "<purpose>"/s);
  has(checks, /loaded before it could be held back: write data-src for src.*early/);
  has(checks, /stands before Consentry's.*first\.js/);
  has(checks, /Nothing on this page depends on ai-training/);
});

onStage(
  "a_page_that_is_as_it_should_be_has_nothing_to_do",
  {
    html: pageWith(
      `<main><h1>Shop</h1><script type="text/plain" data-consent="ai-training | analytics | downstream-ai/gemini | downstream-ai/kie-ai | downstream-ai/kling | downstream-ai/seedance | marketing"></script></main>`,
    ),
  },
  async (stage) => {
    await openPanel(stage);
    assert.deepEqual(await section(stage, "Markup and policy"), ["✓Markup and policy agree."]);
    assert.deepEqual(await section(stage, "Not tagged"), ["Nothing."]);
    assert.deepEqual(await section(stage, "Cookies and storage"), ["Nothing."]);
  },
);

onStage(
  "it_opens_by_the_pages_address_closes_by_escape_and_gives_the_focus_back",
  { html: pageWith(`<main><h1>Shop</h1><button id="own">Own</button></main>`) },
  async (stage) => {
    await stage.page.locator("#own").focus();
    const panel = await openPanel(stage);
    assert.equal(await panel.getByRole("button", { name: "Close" }).evaluate((close) => close.matches(":focus")), true);
    await stage.page.keyboard.press("Tab");
    await stage.page.keyboard.press("Enter");
    assert.equal(await panel.getByText("Allowed now").isVisible(), false, "sections fold by keyboard");
    await stage.page.keyboard.press("Escape");
    assert.equal(await panel.count(), 0);
    assert.equal(await stage.page.evaluate(() => document.activeElement?.id), "own");
    stage.html = pageWith(`<main><h1>Shop</h1><consentry-gate purpose="analytics"></consentry-gate></main>`);
    await stage.page.goto("about:blank");
    await stage.visit("/#consentry-debug");
    await panel.waitFor();
    await panel.getByRole("button", { name: "Close" }).click();
    assert.equal(await panel.count(), 0);
  },
);

onStage("asked_for_twice_it_is_there_once", {}, async (stage) => {
  await openPanel(stage);
  await stage.page.evaluate(() => consentry.debug());
  assert.equal(await stage.page.locator("consentry-debug").count(), 1);
});

onStage(
  "it_works_under_a_strict_policy_and_trusted_types",
  {
    html: strictPage(`<iframe title="Film" data-consent="analytics" data-src="${OTHERS}/film"></iframe>`),
    headers: { "Content-Security-Policy": STRICT_CSP },
  },
  async (stage) => {
    await stage.page.evaluate(() => {
      document.addEventListener("securitypolicyviolation", ({ violatedDirective }) => window.ran.push(violatedDirective));
    });
    await openPanel(stage);
    has(await section(stage, "Gated"), /analytics is off/);
    assert.deepEqual(await stage.page.evaluate(() => window.ran), []);
    assert.deepEqual(stage.errors, []);
  },
);

onStage("where_the_rules_cannot_be_read_it_says_what_is_missing", { html: PAGE }, async (stage) => {
  await stage.context.route(`${CONSENTRY}/adforge.js`, (route) => route.abort());
  await stage.page.evaluate(() => consentry.debug());
  await stage.page.getByText("could not be read").waitFor();
});

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  onStage(`axe_finds_nothing_in_the_panel_in_${colorScheme}`, { html: PAGE, context: { colorScheme } }, async (stage) => {
    await openPanel(stage);
    await stage.page.evaluate(AXE);
    const found = await stage.page.evaluate(async () => {
      const { violations } = await window.axe.run("consentry-debug", { resultTypes: ["violations"] });
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
    });
    assert.deepEqual(found, []);
  });
}
