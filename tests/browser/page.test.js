/** What the loader does beyond holding back and asking: expressions, others' markup, signals, changed terms, the page's own code. */

import assert from "node:assert/strict";
import { CONSENTRY, ENGLISH, GERMAN, NEWER_POLICY, OTHERS, POLICY, bootDocument, pageWith, stagedTests } from "./stage.js";

/** @import { Stage } from "./stage.js" */

const onStage = stagedTests();
const { nothing, refused, granted } = bootDocument().allowed;

/** @param {Stage} stage @param {string[]} allowed @param {object} [stances] */
async function chooseInCentre(stage, allowed, stances = {}) {
  await stage.page.evaluate(
    ([policy, allowed, stances]) => {
      const choice = { id: crypto.randomUUID(), policy, notice: "n", language: "en", surface: "centre", stances };
      document.dispatchEvent(new CustomEvent("consentry:choice", { detail: { v: 1, choice, allowed, until_ms: 4e12, ask_ms: 4e12 } }));
    },
    /** @type {const} */ ([POLICY, allowed, stances]),
  );
}

/** @param {Stage} stage */
const ran = (stage) => stage.page.evaluate(() => window.ran);

// ── Expressions ─────────────────────────────────────────────────────────────────────────────────

/** @type {[expression: string, allowed: string[], opens: boolean][]} */
const EXPRESSIONS = [
  ["analytics", ["analytics"], true],
  ["analytics", ["marketing"], false],
  ["analytics & marketing", ["analytics"], false],
  ["analytics & marketing", ["analytics", "marketing"], true],
  ["analytics | marketing", ["marketing"], true],
  ["analytics & !marketing", ["analytics"], true],
  ["analytics & !marketing", ["analytics", "marketing"], false],
  ["!marketing", [], true],
  ["analytics & marketing | ai-training", ["ai-training"], true],
  ["downstream-ai/kling", ["downstream-ai", "downstream-ai/kling"], true],
  ["downstream-ai/kling", ["downstream-ai"], false],
  // What the policy does not have is denied, and so is its opposite.
  ["!analitics", ["analytics"], false],
  ["analytics | analitics", [], false],
  ["", ["analytics"], false],
  ["!", ["analytics"], false],
];

for (const [expression, allowed, opens] of EXPRESSIONS) {
  const html = pageWith(`<main><h1>Shop</h1></main>
    <script type="text/plain" data-consent="${expression}" src="${OTHERS}/one.js"></script>`);
  onStage(`an_expression_of_purposes: ${expression || "(empty)"} with ${allowed.join(" ") || "nothing"}`, { html }, async (stage) => {
    await stage.banner.waitFor();
    await chooseInCentre(stage, allowed);
    if (opens) await stage.page.waitForFunction(() => window.ran.length);
    else await stage.page.evaluate(() => new Promise((settled) => setTimeout(settled)));
    assert.deepEqual(await ran(stage), opens ? ["one"] : []);
  });
}

// ── What else can be gated ──────────────────────────────────────────────────────────────────────

const EMBEDS = pageWith(`<main><h1>Shop</h1></main>
  <img id="pixel" alt="" data-consent="analytics" data-src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-srcset="data:image/gif;base64,R0lGODlhAQABAAAAACw= 2x">
  <link id="sheet" rel="stylesheet" data-consent="analytics" data-href="data:text/css,h1{color:rgb(1,2,3)}">`);

onStage("images_and_style_sheets_open_and_close", { html: EMBEDS }, async (stage) => {
  const look = () =>
    stage.page.evaluate(() => {
      const { color } = getComputedStyle(/** @type {Element} */ (document.querySelector("h1")));
      const pixel = /** @type {HTMLImageElement} */ (document.querySelector("#pixel"));
      return { color, src: pixel.hasAttribute("src"), srcset: pixel.hasAttribute("srcset") };
    });
  const closed = await look();
  assert.deepEqual(closed, { color: "rgb(0, 0, 0)", src: false, srcset: false });
  await stage.press("Accept all");
  const styled = () => getComputedStyle(/** @type {Element} */ (document.querySelector("h1"))).color === "rgb(1, 2, 3)";
  await stage.page.waitForFunction(styled);
  assert.deepEqual(await look(), { color: "rgb(1, 2, 3)", src: true, srcset: true });
  await stage.page.evaluate(() => consentry.refuseAll());
  assert.deepEqual(await look(), closed);
});

// ── Other systems' markup, as it stands ─────────────────────────────────────────────────────────

const THEIRS = pageWith(`<main><h1>Shop</h1></main>
  <script type="text/plain" data-category="analytics" data-src="${OTHERS}/cookieconsent.js"></script>
  <script type="text/plain" data-category="!analytics" data-src="${OTHERS}/without.js"></script>
  <script type="text/plain" data-category="measurement" data-service="kling" data-type="text/javascript">window.ran.push("service")</script>
  <script type="text/plain" data-name="matomo" data-type="text/javascript" data-src="${OTHERS}/klaro.js"></script>
  <script type="text/plain" data-c15t-category="measurement" src="${OTHERS}/c15t.js"></script>
  <iframe id="frame" title="Map" data-category="measurement" data-src="${OTHERS}/map.html"></iframe>
  <img id="lazy" alt="" data-name="of somebody else" data-src="data:," src="data:,">`);
const names = { measurement: "analytics", matomo: "analytics", kling: "downstream-ai/kling" };

onStage("other_systems_markup_is_understood_by_the_policys_names", { html: THEIRS, boot: bootDocument({ names }) }, async (stage) => {
  await stage.page.waitForFunction(() => window.ran.length);
  assert.deepEqual(await ran(stage), ["without"]);
  await chooseInCentre(stage, ["analytics"]);
  await stage.page.waitForFunction(() => window.ran.length === 4);
  assert.deepEqual((await ran(stage)).toSorted(), ["c15t", "cookieconsent", "klaro", "without"]);
  assert.equal(await stage.page.getAttribute("#frame", "src"), `${OTHERS}/map.html`);
  assert.equal(await stage.page.getAttribute("#lazy", "src"), "data:,", "what the policy does not know is left alone");
  await chooseInCentre(stage, ["analytics", "downstream-ai", "downstream-ai/kling"]);
  assert.equal((await ran(stage)).at(-1), "service");
});

onStage(
  "cookieconsents_own_buttons_work",
  { html: pageWith(`<main><h1>Shop</h1><button id="all" data-cc="accept-all">A</button><button id="no" data-cc="accept-necessary">N</button>
    <button id="more" data-cc="show-preferencesModal">P</button></main>`) },
  async (stage) => {
    await stage.page.locator("#all").click();
    assert.deepEqual(await stage.allowed(), granted);
    await stage.page.locator("#no").click();
    assert.deepEqual(await stage.allowed(), refused);
    await stage.synced("saved");
    await stage.page.locator("#more").click();
    await stage.page.waitForFunction(() => window.opened?.length === 1);
    assert.deepEqual(stage.posts.map(({ choice }) => choice.surface), ["script", "script"]);
  },
);

// ── Global Privacy Control ──────────────────────────────────────────────────────────────────────

/** @param {Stage} stage @param {unknown} value */
const sendSignal = (stage, value) =>
  stage.context.addInitScript((value) => Object.defineProperty(navigator, "globalPrivacyControl", { value }), value);

const optOut = {
  allowed: { nothing: ["analytics", "marketing", "security"], refused: ["security"], granted: ["analytics", "marketing", "security"] },
  gpc: ["marketing"],
};

onStage("r22_r26_the_signal_is_obeyed_and_said_to_be", { stay: true, boot: bootDocument(optOut) }, async (stage) => {
  await sendSignal(stage, true);
  await stage.visit();
  await stage.page.getByText(ENGLISH.signal).waitFor();
  assert.deepEqual(await stage.allowed(), ["analytics", "security"]);
  assert.equal(await stage.stored(), null, "nothing is written down before there is a choice");
  await stage.press("Accept all");
  await stage.synced("saved");
  assert.deepEqual(await stage.allowed(), ["analytics", "security"], "the banner is no specific choice");
  assert.deepEqual(stage.posts.map(({ choice }) => choice.signal ?? choice.outcome), ["gpc", "all-granted"], "the signal came first");
});

for (const value of ["1", 1, false, undefined]) {
  onStage(`r22_only_true_is_the_signal: ${JSON.stringify(value)}`, { stay: true, boot: bootDocument(optOut) }, async (stage) => {
    await sendSignal(stage, value);
    await stage.visit();
    await stage.banner.waitFor();
    assert.deepEqual(await stage.allowed(), optOut.allowed.nothing);
    assert.equal(await stage.page.getByText(ENGLISH.signal).count(), 0);
  });
}

onStage("where_the_law_does_not_honour_it_the_signal_changes_nothing", { stay: true, boot: bootDocument({ allowed: optOut.allowed }) }, async (stage) => {
  await sendSignal(stage, true);
  await stage.visit();
  await stage.banner.waitFor();
  assert.deepEqual(await stage.allowed(), optOut.allowed.nothing);
});

onStage("r24_r25_a_signal_that_comes_later_ends_an_earlier_grant_and_stays", { boot: bootDocument(optOut) }, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  assert.deepEqual(await stage.allowed(), ["analytics", "marketing", "security"]);
  const silent = await stage.context.newPage();
  await sendSignal(stage, true);
  await stage.visit("/again");
  assert.deepEqual(await stage.allowed(), ["analytics", "security"]);
  await stage.synced("saved");
  assert.equal(stage.posts.at(-1)?.choice.signal, "gpc");
  assert.equal((await stage.stored()).signal.id, stage.posts.at(-1)?.choice.id);
  await stage.visit("/once-more");
  await stage.page.waitForFunction(() => window.consentry?.subject);
  assert.equal(stage.posts.length, 2, "it is written down once");
  await silent.close();
});

onStage("r25_a_specific_choice_after_the_signal_overrules_it", { stay: true, boot: bootDocument(optOut) }, async (stage) => {
  await sendSignal(stage, true);
  await stage.visit();
  await stage.banner.waitFor();
  await chooseInCentre(stage, ["analytics", "marketing", "security"], { marketing: "grant" });
  await stage.synced("saved");
  await stage.visit("/again");
  assert.deepEqual(await stage.allowed(), ["analytics", "marketing", "security"]);
});

// ── Changed terms ───────────────────────────────────────────────────────────────────────────────

const changed = {
  policy: NEWER_POLICY,
  earlier: {
    [POLICY]: {
      ends: ["downstream-ai/kling", "marketing"],
      asks: ["downstream-ai/kling", "marketing"],
      fresh: ["downstream-ai/kling"],
      lines: ["Kling now keeps your pictures for a day", "Marketing by text message too"],
      from: "Holds from 12 December 2026.",
    },
  },
};
const kept = granted.filter((target) => !changed.earlier[POLICY].ends.includes(target));

/** @param {Stage} stage @param {string} answer */
async function returnAfterChange(stage, answer) {
  await stage.press(answer);
  await stage.synced("saved");
  stage.boot = bootDocument(changed);
  await stage.visit("/again");
}

onStage("r29_only_what_is_new_is_asked_and_the_rest_stays", {}, async (stage) => {
  await returnAfterChange(stage, "Accept all");
  await stage.page.getByRole("region", { name: ENGLISH.change_title }).waitFor();
  assert.deepEqual(await stage.banner.getByRole("listitem").allTextContents(), changed.earlier[POLICY].lines);
  assert.equal(await stage.banner.getByText(changed.earlier[POLICY].from).count(), 1);
  assert.deepEqual((await stage.allowed()).toSorted(), kept.toSorted());
  await stage.press("Accept all");
  await stage.synced("saved");
  assert.deepEqual((await stage.allowed()).toSorted(), granted.toSorted());
  assert.deepEqual(stage.posts.at(-1)?.choice.stances, { "downstream-ai/kling": "grant", marketing: "grant" });
  await stage.visit("/once-more");
  assert.equal(await stage.banner.count(), 0);
  assert.deepEqual((await stage.allowed()).toSorted(), granted.toSorted());
});

onStage("r29_refusing_what_is_new_leaves_the_rest", {}, async (stage) => {
  await returnAfterChange(stage, "Accept all");
  await stage.press("Refuse all");
  await stage.synced("saved");
  assert.deepEqual((await stage.allowed()).toSorted(), kept.toSorted());
  assert.deepEqual(stage.posts.at(-1)?.choice.stances, { "downstream-ai/kling": "refuse", marketing: "refuse" });
});

onStage("r12_whoever_refused_is_not_asked_again_about_what_has_grown", {}, async (stage) => {
  await returnAfterChange(stage, "Refuse all");
  await stage.page.waitForFunction(() => window.consentry?.subject);
  assert.equal(await stage.banner.count(), 0);
  assert.deepEqual((await stage.allowed()).toSorted(), refused.toSorted());
});

onStage("what_is_new_is_asked_of_those_who_refused_too", {}, async (stage) => {
  const { [POLICY]: grown } = changed.earlier;
  await stage.press("Refuse all");
  await stage.synced("saved");
  stage.boot = bootDocument({ ...changed, earlier: { [POLICY]: { ...grown, fresh: ["downstream-ai/kling", "marketing"] } } });
  await stage.visit("/again");
  await stage.page.getByRole("region", { name: ENGLISH.change_title }).waitFor();
  assert.deepEqual(await stage.banner.getByRole("listitem").allTextContents(), [grown.lines[1]], "no processor of a refused purpose");
  await stage.press("Accept all");
  await stage.synced("saved");
  assert.deepEqual((await stage.allowed()).toSorted(), ["marketing", ...refused].toSorted());
});

onStage("r30_a_choice_holds_no_longer_than_the_new_terms_let_it", {}, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  stage.boot = bootDocument({ ...changed, valid_ms: 1 });
  await stage.visit("/again");
  await stage.page.getByRole("region", { name: ENGLISH.title }).waitFor();
  assert.deepEqual((await stage.allowed()).toSorted(), nothing.toSorted());
});

onStage("terms_that_ask_nothing_new_ask_nobody", {}, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  const earlier = { [POLICY]: { ends: ["marketing"], asks: [], fresh: [], lines: [] } };
  stage.boot = bootDocument({ policy: NEWER_POLICY, earlier, allowed: { nothing, refused, granted: granted.filter((target) => target !== "marketing") } });
  await stage.visit("/again");
  await stage.page.waitForFunction(() => window.consentry?.subject);
  assert.equal(await stage.banner.count(), 0);
  assert.equal(await stage.page.evaluate(() => consentry.can("marketing")), false);
});

// ── The page's own code ─────────────────────────────────────────────────────────────────────────

const QUEUED = pageWith(
  `<main><h1>Shop</h1></main>`,
  `<script>(window.consentry = window.consentry || []).push(["on", "ready", ({ allowed }) => window.ran.push(allowed.length)],
    (consentry) => window.ran.push(consentry.can("security")))</script>`,
);

onStage("a_page_may_call_before_the_loader_runs", { html: QUEUED }, async (stage) => {
  await stage.page.waitForFunction(() => window.ran.length === 2);
  assert.deepEqual(await ran(stage), [true, 2]);
  await stage.page.evaluate(() => consentry.push((consentry) => window.ran.push(consentry.policy)));
  assert.equal((await ran(stage)).at(-1), POLICY);
});

// A test's own calls count as clicks in Chromium, so the page must make these.
const GREEDY = pageWith(`<main><h1>Shop</h1></main><script>addEventListener("load", async () => {
  const note = (error) => window.ran.push(String(error));
  while (!window.consentry) await new Promise((next) => requestAnimationFrame(next));
  try { consentry.acceptAll() } catch (error) { note(error) }
  await consentry.set({ marketing: true }).catch(note);
  document.querySelector("h1").addEventListener("click", () => consentry.acceptAll());
  addEventListener("error", ({ error }) => note(error));
  document.querySelector("h1").click();
})</script>`);

onStage("a_script_grants_nothing_without_a_click_or_leave", { html: GREEDY }, async (stage) => {
  await stage.page.waitForFunction(() => window.ran.length === 3);
  // Of the third a page is told no more than that there was one: the loader is another origin's.
  for (const error of (await ran(stage)).slice(0, 2)) assert.match(error, /needs a click/);
  assert.deepEqual(await stage.allowed(), nothing);
  assert.deepEqual(stage.posts, []);
});

onStage("a_script_may_refuse_and_with_the_policys_leave_grant", { boot: bootDocument({ script: true }) }, async (stage) => {
  await stage.page.evaluate(() => consentry.acceptAll());
  assert.deepEqual(await stage.allowed(), granted);
  await stage.page.evaluate(() => consentry.refuseAll());
  await stage.synced("saved");
  assert.deepEqual(await stage.allowed(), refused);
  assert.deepEqual(stage.posts.map(({ choice }) => choice.surface), ["script", "script"]);
});

onStage("what_few_pages_need_is_fetched_when_it_is_called", {}, async (stage) => {
  await stage.page.evaluate(() => consentry.language("de"));
  assert.deepEqual(await stage.page.evaluate(() => /** @type {any} */ (window).asked), ["language", "de"]);
  assert.ok(stage.requests.includes(`${CONSENTRY}/assets/more.js`));
});

// ── Language, layout, no server ─────────────────────────────────────────────────────────────────

onStage("r13_the_language_is_the_pages", { stay: true, html: pageWith("<main><h1>Laden</h1></main>").replace('lang="en"', 'lang="de-AT"') }, async (stage) => {
  await stage.context.route(`${CONSENTRY}/adforge.js?lang=de`, (route) => {
    stage.boot = bootDocument({ language: "de", texts: GERMAN });
    return route.fallback();
  });
  await stage.visit();
  await stage.press(GERMAN.refuse);
  await stage.synced("saved");
  assert.equal(stage.posts[0].choice.language, "de");
  assert.deepEqual(stage.requests.filter((url) => url.includes("adforge.js")), [`${CONSENTRY}/adforge.js`, `${CONSENTRY}/adforge.js?lang=de`]);
});

for (const layout of ["box", "corner"]) {
  onStage(`a_${layout}_leaves_the_page_beside_it_free`, { boot: bootDocument({ layout }), context: { viewport: { width: 1280, height: 800 } } }, async (stage) => {
    await stage.banner.waitFor();
    const box = await stage.banner.boundingBox();
    assert.ok(box && box.width <= 480 && box.height < 640, JSON.stringify(box));
    assert.equal(layout === "corner", (box?.x ?? 0) > 640);
  });
}

onStage(
  "an_inline_banner_stands_where_the_page_wants_it",
  { boot: bootDocument({ layout: "inline" }), html: pageWith(`<main><h1>Shop</h1><div id="place" data-consentry="banner"></div><p id="after">Goods</p></main>`) },
  async (stage) => {
    await stage.banner.waitFor();
    assert.equal(await stage.page.evaluate(() => document.querySelector("#place")?.firstElementChild?.localName), "consentry-banner");
    const [banner, after] = [await stage.banner.boundingBox(), await stage.page.locator("#after").boundingBox()];
    assert.ok(banner && after && banner.y + banner.height <= after.y);
  },
);

onStage("without_a_server_choices_stay_in_the_browser", { boot: bootDocument({ local: true }) }, async (stage) => {
  await stage.press("Accept all");
  await stage.visit("/again");
  await stage.page.waitForFunction(() => window.consentry?.subject);
  assert.deepEqual(await stage.allowed(), granted);
  assert.equal(await stage.banner.count(), 0);
  assert.deepEqual(stage.posts, []);
  assert.deepEqual((await stage.stored()).queue, []);
});
