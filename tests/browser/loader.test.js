/** Choosing, and remembering what was chosen. */

import assert from "node:assert/strict";
import { CONSENTRY, NEWER_POLICY, OTHERS, POLICY, SITE, bootDocument, loaderSource, pageWith, stagedTests } from "./stage.js";

/** @import { Stage } from "./stage.js" */

const onStage = stagedTests();
const { nothing, refused, granted } = bootDocument().allowed;

/** All that a page can keep. @param {Stage} stage */
async function kept(stage) {
  const inPage = await stage.page.evaluate(async () => ({
    local: { ...localStorage },
    session: { ...sessionStorage },
    databases: (await indexedDB.databases()).length,
    caches: (await caches.keys()).length,
  }));
  return { ...inPage, cookies: (await stage.context.cookies()).length };
}

const GATED_PAGE = pageWith(`<main><h1>Shop</h1></main>
  <script type="text/plain" data-consent="analytics" src="${OTHERS}/analytics.js"></script>
  <iframe data-src="${OTHERS}/frame.html" data-consent="marketing" title="Offers"></iframe>`);

onStage("r7_before_a_choice_nothing_is_fetched_or_kept", { html: GATED_PAGE }, async (stage) => {
  await stage.banner.waitFor();
  // What the banner's third button will need, and what says in the frame's place what it is; all of it from us.
  const early = ["widget.js", "widget.wasm", "centre.json", "more.js"].map((name) => `${CONSENTRY}/assets/${name}`);
  await Promise.all(early.map((url) => untilAsked(stage, url)));
  const own = [`${CONSENTRY}/adforge.js`, ...early];
  assert.deepEqual(stage.requests.toSorted(), own.toSorted());
  assert.deepEqual(await kept(stage), { local: {}, session: {}, databases: 0, caches: 0, cookies: 0 });
  assert.deepEqual(await stage.allowed(), nothing);
  assert.equal(await stage.page.evaluate(() => consentry.subject), null);
});

/** @param {Stage} stage @param {string} url */
async function untilAsked(stage, url) {
  if (!stage.requests.includes(url)) await stage.context.waitForEvent("request", (request) => request.url() === url);
}

onStage("refusing_is_one_click_and_is_kept_as_a_choice", {}, async (stage) => {
  await stage.press("Refuse all");
  assert.equal(await stage.banner.count(), 0);
  await stage.synced("saved");
  assert.equal(stage.posts.length, 1);
  const { choice, token } = stage.posts[0];
  const { id, ...rest } = choice;
  assert.deepEqual(rest, { v: 1, policy: POLICY, notice: "a".repeat(64), language: "en", surface: "banner", outcome: "all-refused" });
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const minted = parseInt(id.replace("-", "").slice(0, 12), 16);
  assert.ok(Math.abs(Date.now() - minted) < 60_000, "the id carries the time of the choice");
  assert.match(token ?? "", /^Bearer [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.[A-Za-z0-9_-]{43}$/);
  const stored = await stage.stored();
  assert.deepEqual(stored.allowed, refused);
  assert.deepEqual(stored.queue, []);
  const [{ receipt, at_ms, ...kept }] = stored.choices;
  assert.deepEqual(kept, choice);
  assert.ok(at_ms > 0);
  assert.equal(receipt.id, id);
  assert.equal(stored.until_ms, receipt.expires_at_ms);
  assert.ok(Math.abs(stored.ask_ms - at_ms - stage.boot.rest_ms) < 1000);
  assert.equal(token, `Bearer ${stored.subject}.${stored.secret}`);
  assert.equal(await stage.page.evaluate(() => consentry.subject), `device:${stored.subject}`);
});

onStage("accepting_takes_effect_in_the_same_tick", {}, async (stage) => {
  const seen = await stage.page.evaluate(() => {
    const root = document.querySelector("consentry-banner")?.shadowRoot;
    root?.querySelector("button")?.click();
    return { can: consentry.can("analytics"), stored: localStorage.length, host: document.querySelector("consentry-banner") };
  });
  assert.deepEqual(seen, { can: true, stored: 1, host: null });
  assert.deepEqual(await stage.allowed(), granted);
});

onStage("the_same_subject_chooses_again", {}, async (stage) => {
  await stage.press("Refuse all");
  await stage.synced("saved");
  await stage.page.evaluate((policy) => {
    const choice = { id: "0198c0de-0000-7000-8000-000000000001", policy, notice: "n", language: "en", surface: "centre", stances: {} };
    document.dispatchEvent(new CustomEvent("consentry:choice", { detail: { v: 1, choice, allowed: ["analytics"], until_ms: 4e12, ask_ms: 4e12 } }));
    window.ran.push(String(consentry.can("analytics")));
  }, POLICY);
  assert.deepEqual(await stage.page.evaluate(() => window.ran), ["true"], "obeyed within the event");
  await stage.synced("saved");
  const [first, second] = stage.posts;
  assert.equal(first.token, second.token);
  assert.deepEqual(second.choice, {
    ...{ v: 1, id: "0198c0de-0000-7000-8000-000000000001", policy: POLICY, notice: "n" },
    ...{ language: "en", surface: "centre", stances: {} },
  });
});

onStage("a_choice_under_another_policy_from_the_centre_is_not_believed", {}, async (stage) => {
  await stage.page.evaluate(() => {
    const choice = { id: "x", policy: "other", notice: "n", language: "en", surface: "centre", stances: {} };
    document.dispatchEvent(new CustomEvent("consentry:choice", { detail: { v: 1, choice, allowed: ["analytics"], until_ms: 4e12, ask_ms: 4e12 } }));
  });
  assert.deepEqual(await stage.allowed(), nothing);
  assert.equal(await stage.stored(), null);
});

onStage("a_returning_visitor_costs_no_request_and_no_webassembly", { html: GATED_PAGE }, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  stage.requests.length = 0;
  await stage.visit("/again");
  await stage.page.waitForFunction(() => window.ran.includes("analytics"));
  await stage.page.waitForLoadState("networkidle");
  assert.deepEqual(stage.requests.toSorted(), [`${CONSENTRY}/adforge.js`, `${OTHERS}/analytics.js`]);
  assert.equal(await stage.banner.count(), 0);
  assert.deepEqual(await stage.allowed(), granted);
});

onStage("an_expired_choice_grants_nothing_and_asks_again", {}, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  await changeStored(stage, { until_ms: Date.now() - 1, ask_ms: Date.now() - 1 });
  await stage.visit("/again");
  await stage.banner.waitFor();
  assert.deepEqual(await stage.allowed(), nothing);
});

onStage("r12_a_refusal_rests_longer_than_a_consent_holds", { boot: bootDocument({ valid_ms: 1 }) }, async (stage) => {
  await stage.press("Refuse all");
  await stage.synced("saved");
  await changeStored(stage, { until_ms: Date.now() - 1 });
  await stage.visit("/again");
  await stage.page.waitForFunction(() => window.consentry?.subject);
  assert.equal(await stage.banner.count(), 0);
  assert.deepEqual(await stage.allowed(), refused);
  await changeStored(stage, { ask_ms: Date.now() - 1 });
  await stage.visit("/once-more");
  await stage.banner.waitFor();
});

onStage("a_choice_under_another_policy_grants_nothing_and_asks_again", {}, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  stage.boot = bootDocument({ policy: NEWER_POLICY });
  await stage.visit("/again");
  await stage.banner.waitFor();
  assert.deepEqual(await stage.allowed(), nothing);
});

const optOut = { nothing: ["analytics", "marketing", "security"], refused: ["security"], granted: ["analytics", "marketing", "security"] };

onStage("an_old_refusal_is_not_undone_by_an_opt_out_regime", { boot: bootDocument({ allowed: optOut }) }, async (stage) => {
  assert.deepEqual(await stage.allowed(), optOut.nothing);
  await stage.press("Refuse all");
  await stage.synced("saved");
  stage.boot = bootDocument({ policy: NEWER_POLICY, allowed: optOut });
  await stage.visit("/again");
  await stage.banner.waitFor();
  assert.deepEqual(await stage.allowed(), ["security"]);
});

/** @param {Stage} stage @param {object} changes */
function changeStored(stage, changes) {
  return stage.page.evaluate((changes) => {
    const key = "consentry:adforge";
    localStorage[key] = JSON.stringify({ ...JSON.parse(localStorage[key]), ...changes });
  }, changes);
}

for (const garbage of ["{", "7", "[]", '{"v":2}', '{"v":1,"subject":"s","choices":[],"allowed":"analytics","queue":[]}']) {
  onStage(`storage_that_makes_no_sense_grants_nothing: ${garbage}`, {}, async (stage) => {
    await stage.page.evaluate((text) => void (localStorage["consentry:adforge"] = text), garbage);
    await stage.visit("/again");
    await stage.banner.waitFor();
    assert.deepEqual(await stage.allowed(), nothing);
    await stage.press("Accept all");
    await stage.synced("saved");
    assert.deepEqual(await stage.allowed(), granted);
  });
}

onStage("blocked_storage_is_replaced_by_memory", { stay: true }, async (stage) => {
  await stage.context.addInitScript(() => {
    Object.defineProperty(window, "localStorage", { get: () => { throw new DOMException("blocked", "SecurityError"); } });
  });
  await stage.visit();
  await stage.press("Accept all");
  await stage.synced("saved");
  assert.equal(await stage.page.evaluate(() => consentry.can("downstream-ai", { processor: "kling" })), true);
  assert.match((await stage.page.evaluate(() => consentry.subject)) ?? "", /^device:/);
  await stage.visit("/again");
  await stage.banner.waitFor();
  assert.deepEqual(await stage.allowed(), nothing);
});

onStage("a_full_store_does_not_keep_an_old_grant", {}, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  await stage.page.evaluate((policy) => {
    for (let size = 2 ** 22, count = 0; size >= 1; count++) {
      try {
        localStorage[count] = "x".repeat(size);
      } catch {
        size /= 2;
      }
    }
    const choice = { id: "x".repeat(3000), policy, notice: "n", language: "en", surface: "centre", stances: {} };
    document.dispatchEvent(new CustomEvent("consentry:choice", { detail: { v: 1, choice, allowed: [], until_ms: 4e12, ask_ms: 4e12 } }));
  }, POLICY);
  assert.equal(await stage.page.evaluate(() => consentry.can("analytics")), false);
  assert.equal(await stage.stored(), null);
});

onStage("r5_escape_scrolling_clicks_elsewhere_and_leaving_grant_nothing", {}, async (stage) => {
  await stage.banner.waitFor();
  await stage.page.keyboard.press("Escape");
  await stage.page.getByRole("button", { name: "Accept all" }).focus();
  await stage.page.keyboard.press("Escape");
  await stage.page.mouse.wheel(0, 500);
  await stage.page.mouse.click(5, 5);
  await stage.page.locator("#link").click();
  await stage.page.waitForURL("**/more");
  await stage.banner.waitFor();
  await stage.page.goBack();
  await stage.banner.waitFor();
  assert.deepEqual(await stage.allowed(), nothing);
  assert.equal(await stage.stored(), null);
  assert.deepEqual(stage.posts, []);
});

onStage("another_tab_obeys_a_withdrawal_at_once", {}, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  const other = await stage.context.newPage();
  await other.goto(`${SITE}/other`);
  assert.equal(await other.evaluate(() => consentry.can("analytics")), true);
  await changeStored(stage, { allowed: refused });
  await other.waitForFunction(() => !consentry.can("analytics"));
});

const tag = `<script src="${CONSENTRY}/adforge.js?lang=en" async></script>`;
onStage("included_twice_it_runs_once", { html: pageWith("<main><h1>Shop</h1></main>", tag) }, async (stage) => {
  await stage.banner.waitFor();
  await stage.page.waitForLoadState();
  assert.equal(stage.requests.filter((url) => url.includes("/adforge.js")).length, 2);
  assert.equal(await stage.banner.count(), 1);
  await stage.press("Refuse all");
  await stage.synced("saved");
  assert.equal(stage.posts.length, 1);
  assert.equal(await stage.banner.count(), 0);
});

onStage(
  "a_page_that_hides_our_names_does_not_disturb_us",
  {
    boot: bootDocument({ base: "" }),
    html: pageWith("<main><h1>Shop</h1></main>", `<img name="currentScript" alt=""><form id="consentry"></form>`),
  },
  async (stage) => {
    await stage.press("Refuse all");
    await stage.synced("saved");
    assert.equal(stage.posts.length, 1);
  },
);

const blocking = `<!doctype html><html lang="en"><head><title>Shop</title><script src="${CONSENTRY}/adforge.js"></script></head>
  <body><main><h1>Shop</h1></main></body></html>`;
onStage("it_works_before_there_is_a_body", { html: blocking }, async (stage) => {
  const order = await stage.page.evaluate(() => Array.from(document.documentElement.children, ({ localName }) => localName));
  assert.deepEqual(order, ["head", "consentry-banner", "body"]);
  await stage.press("Refuse all");
  await stage.synced("saved");
});

onStage("can_is_membership_and_denies_what_it_does_not_know", {}, async (stage) => {
  await stage.press("Accept all");
  const answers = await stage.page.evaluate(() => {
    const can = /** @type {(...parameters: any[]) => boolean} */ (consentry.can);
    return [
      can("downstream-ai"), can("downstream-ai", { processor: "kling" }),
      can("downstream-ai", { processor: "unknown" }), can("unknown"), can(), can("downstream-ai", {}),
      can("downstream-ai", { procesor: "kling" }), can("analytics", { processor: "kling" }), can("downstream-ai", { processor: "" }),
    ];
  });
  assert.deepEqual(answers, [true, true, false, false, false, false, false, false, false]);
});

onStage("the_page_hears_ready_and_change", {}, async (stage) => {
  const heard = await stage.page.evaluate(async () => {
    /** @type {string[]} */
    const heard = [];
    const ready = new Promise((resolve) => consentry.on("ready", (state) => resolve(heard.push(`ready ${state.allowed.length}`))));
    const off = consentry.on("change", (state) => heard.push(`change ${state.allowed.length}`));
    await ready;
    const root = document.querySelector("consentry-banner")?.shadowRoot;
    root?.querySelector("button")?.click();
    off();
    document.dispatchEvent(new CustomEvent("consentry:change", { detail: { v: 1, allowed: [] } }));
    return heard;
  });
  assert.deepEqual(heard, [`ready ${nothing.length}`, `change ${granted.length}`]);
});

onStage("the_loader_adds_one_global_and_no_more", { stay: true }, async (stage) => {
  await stage.context.route(`${CONSENTRY}/adforge.js`, (route) => route.fulfill({ body: "window.before = Object.keys(window)" }));
  await stage.visit();
  await stage.page.waitForFunction(() => "before" in window);
  const added = await stage.page.evaluate((source) => {
    const before = new Set(/** @type {any} */ (window).before);
    (0, eval)(source);
    return Object.keys(window).filter((name) => !before.has(name) && name !== "before");
  }, `${loaderSource()}(${JSON.stringify(stage.boot)})`);
  assert.deepEqual(added, ["consentry"]);
});
