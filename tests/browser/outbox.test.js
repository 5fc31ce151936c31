/** How choices reach the server, and what its answers may do. */

import assert from "node:assert/strict";
import { CONSENTRY, NEWER_POLICY, POLICY, bootDocument, pageWith, problem, receipt, stagedTests } from "./stage.js";

/** @import { Stage } from "./stage.js" */

const onStage = stagedTests();
const { nothing, refused, granted } = bootDocument().allowed;

/** The preference centre grants or refuses analytics alone. @param {Stage} stage @param {string} id @param {"grant" | "refuse"} stance */
function chooseAnalytics(stage, id, stance) {
  return stage.page.evaluate(
    ({ id, stance, policy, always }) => {
      const stances = { analytics: stance };
      const choice = { id, policy, notice: "n", language: "en", surface: "centre", stances };
      const allowed = stance === "grant" ? ["analytics", ...always] : always;
      document.dispatchEvent(new CustomEvent("consentry:choice", { detail: { v: 1, choice, allowed, until_ms: 4e12, ask_ms: 4e12 } }));
    },
    { id, stance, policy: POLICY, always: nothing },
  );
}

/** @param {Stage} stage */
const postedIds = (stage) => stage.posts.map(({ choice }) => choice.id);

/** @param {Stage} stage */
const states = (stage) =>
  stage.page.evaluate(() => window.heard.filter(([name]) => name === "sync").map(([, detail]) => detail.state));

/** Visits with the clock stopped, so that no retry comes by itself. @param {Stage} stage */
async function visitWithoutTime(stage) {
  await stage.page.clock.install();
  await stage.page.clock.pauseAt(Date.now() + 1000);
  await stage.visit();
  // The banner is built in a task of its own.
  await stage.page.clock.runFor(1);
}

onStage("a_choice_made_offline_holds_and_is_sent_when_back", { stay: true }, async (stage) => {
  await visitWithoutTime(stage);
  await stage.press("Accept all");
  await stage.synced("saved");
  stage.answer = () => "offline";
  await stage.context.setOffline(true);
  await chooseAnalytics(stage, "one", "refuse");
  await chooseAnalytics(stage, "two", "grant");
  await chooseAnalytics(stage, "three", "refuse");
  assert.equal(await stage.page.evaluate(() => consentry.can("analytics")), false);
  await stage.synced("offline");
  assert.deepEqual((await stage.stored()).queue.map((/** @type {any} */ [, { id }]) => id), ["one", "two", "three"]);
  stage.answer = receipt;
  stage.posts.length = 0;
  await stage.context.setOffline(false);
  await stage.synced("saved");
  assert.deepEqual(postedIds(stage), ["one", "two", "three"]);
  assert.deepEqual((await stage.stored()).queue, []);
});

onStage("what_waits_is_sent_on_the_next_page", {}, async (stage) => {
  stage.answer = () => "offline";
  await stage.press("Refuse all");
  await stage.synced("offline");
  stage.answer = receipt;
  await stage.visit("/again");
  await stage.synced("saved");
  assert.equal(stage.posts.length, 1);
  assert.equal(await stage.banner.count(), 0);
});

onStage("what_waits_is_sent_when_the_page_is_seen_again", { stay: true }, async (stage) => {
  await visitWithoutTime(stage);
  stage.answer = () => "offline";
  await stage.press("Refuse all");
  await stage.synced("offline");
  stage.answer = receipt;
  await stage.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await stage.synced("saved");
});

onStage("failures_are_retried_ever_more_slowly", { stay: true }, async (stage) => {
  await stage.page.clock.install();
  await stage.visit();
  let tries = 0;
  stage.answer = () => (tries++, { status: tries < 4 ? 500 : 503 });
  await stage.press("Refuse all");
  for (let round = 0; round < 12; round++) {
    await stage.page.waitForFunction((count) => window.heard.filter(([, { state }]) => state === "offline").length > count, round);
    assert.equal(tries, round + 1);
    const wait = Math.min(1000 * 2 ** round, 300_000);
    await stage.page.clock.runFor(wait / 2 - 50);
    assert.equal(tries, round + 1, "not sooner than half the back-off");
    await stage.page.clock.runFor(wait / 2 + 50);
  }
});

onStage("a_server_that_asks_for_silence_gets_it", { stay: true }, async (stage) => {
  await stage.page.clock.install();
  await stage.visit();
  stage.answer = () => ({ status: 429, headers: { "Retry-After": "120" } });
  await stage.press("Refuse all");
  await stage.synced("offline");
  stage.answer = receipt;
  await stage.page.evaluate(() => dispatchEvent(new Event("online")));
  await stage.page.clock.runFor(119_000);
  assert.equal(stage.posts.length, 1);
  await stage.page.clock.runFor(2_000);
  await stage.synced("saved");
  assert.equal(stage.posts.length, 2);
});

onStage("an_answer_that_is_no_receipt_ends_nothing", {}, async (stage) => {
  stage.answer = () => ({ status: 200, body: { welcome: "to the hotel" } });
  await stage.press("Refuse all");
  await stage.synced("offline");
  assert.equal((await stage.stored()).queue.length, 1);
});

onStage("a_grant_refused_for_good_is_taken_back_and_asked_again", {}, async (stage) => {
  stage.answer = () => problem("foreign-origin", 403);
  await stage.press("Accept all");
  await stage.banner.waitFor();
  assert.deepEqual(await stage.allowed(), nothing);
  assert.deepEqual(await states(stage), ["saving", "failed"]);
  assert.deepEqual((await stage.stored()).queue, []);
  await stage.visit("/again");
  await stage.banner.waitFor();
  assert.deepEqual(await stage.allowed(), nothing);
});

onStage("a_refusal_refused_for_good_still_holds", {}, async (stage) => {
  stage.answer = () => problem("malformed", 400);
  await stage.press("Refuse all");
  await stage.synced("failed");
  assert.deepEqual(await stage.allowed(), refused);
  await stage.visit("/again");
  assert.equal(await stage.banner.count(), 0);
});

onStage("only_the_latest_choice_can_lose_its_effect", {}, async (stage) => {
  stage.answer = () => "offline";
  await chooseAnalytics(stage, "one", "refuse");
  await chooseAnalytics(stage, "two", "grant");
  await stage.synced("offline");
  stage.answer = (choice) => (choice.id === "one" ? problem("not-choosable", 422) : receipt(choice));
  await stage.page.evaluate(() => dispatchEvent(new Event("online")));
  await stage.synced("saved");
  assert.equal(await stage.page.evaluate(() => consentry.can("analytics")), true);
});

const superseded = { status: 409, body: { type: "/problems/policy-superseded", current: NEWER_POLICY, status: 409 } };

onStage("a_superseded_grant_ends_and_the_notice_in_force_is_shown", {}, async (stage) => {
  stage.answer = ({ policy }) => (policy === POLICY ? superseded : receipt({ policy }));
  const texts = { ...stage.boot.texts, title: "What is new" };
  stage.boot = bootDocument({ policy: NEWER_POLICY, texts });
  await stage.press("Accept all");
  await stage.page.getByRole("heading", { name: "What is new" }).waitFor();
  assert.equal(await stage.banner.count(), 1);
  assert.deepEqual(await states(stage), ["saving", "superseded"]);
  assert.deepEqual(await stage.allowed(), nothing);
  assert.equal(await stage.page.evaluate(() => consentry.policy), NEWER_POLICY);
  stage.answer = receipt;
  await stage.press("Refuse all");
  await stage.synced("saved");
  assert.equal(stage.posts.at(-1)?.choice.policy, NEWER_POLICY);
});

onStage("a_superseded_notice_is_shown_again_where_no_newer_one_comes", {}, async (stage) => {
  stage.answer = () => superseded;
  await stage.press("Refuse all");
  await stage.banner.waitFor();
  assert.deepEqual(await stage.allowed(), refused);
  assert.equal(await stage.banner.count(), 1);
});

onStage("what_waits_from_an_older_policy_changes_nothing_when_superseded", {}, async (stage) => {
  stage.answer = () => "offline";
  await stage.press("Accept all");
  await stage.synced("offline");
  stage.boot = bootDocument({ policy: NEWER_POLICY });
  stage.answer = ({ policy }) => (policy === POLICY ? superseded : problem("malformed", 400));
  await stage.visit("/again");
  await stage.banner.waitFor();
  await stage.page.waitForFunction(() => window.heard.some(([, { state }]) => state === "superseded"));
  assert.deepEqual((await stage.stored()).queue, []);
  assert.deepEqual(await stage.allowed(), nothing);
  assert.equal(await stage.banner.count(), 1);
});

onStage("a_choice_made_while_leaving_is_sent", {}, async (stage) => {
  const sent = stage.context.waitForEvent("request", (request) => request.url().endsWith("/choices"));
  await stage.page.evaluate(() => {
    const root = document.querySelector("consentry-banner")?.shadowRoot;
    root?.querySelector("button")?.click();
    location.href = "/more";
  });
  await sent;
  await stage.page.waitForURL("**/more");
  await stage.page.waitForFunction(() => JSON.parse(localStorage["consentry:adforge"]).queue.length === 0);
  assert.ok(stage.posts.length >= 1);
  assert.equal(new Set(postedIds(stage)).size, 1);
});

onStage("the_queue_is_bounded", {}, async (stage) => {
  stage.answer = () => "offline";
  for (let count = 0; count < 40; count++) await chooseAnalytics(stage, `c${count}`, count % 2 ? "grant" : "refuse");
  const ids = (await stage.stored()).queue.map((/** @type {any} */ [, { id }]) => id);
  assert.equal(ids.length, 32);
  assert.equal(ids.at(-1), "c39");
});

onStage("choosing_brings_the_preference_centre_once", {}, async (stage) => {
  await stage.page.evaluate(() => Promise.all([consentry.open(), consentry.open()]));
  const opened = await stage.page.evaluate(() => window.opened);
  assert.equal(opened.length, 1);
  const nothingYet = { choices: [], demands: [], earlier: {}, signal: null };
  assert.deepEqual(
    { ...opened[0], now_ms: 0 },
    { v: 1, centre: { v: 1, hash: POLICY, texts: {} }, ...nothingYet, server: true, now_ms: 0, section: null },
  );
  await stage.press("Refuse all");
  await stage.synced("saved");
  await stage.page.locator("#privacy").click();
  await stage.page.waitForFunction(() => window.opened.length === 2);
  const [choice] = (await stage.page.evaluate(() => window.opened))[1].choices;
  assert.equal(choice.outcome, "all-refused");
  assert.equal(typeof choice.at_ms, "number");
});

onStage("focus_returns_when_the_centre_closes", {}, async (stage) => {
  await stage.page.getByRole("button", { name: "Choose" }).press("Enter");
  await stage.page.waitForFunction(() => window.opened?.length);
  await stage.page.evaluate(() => {
    const field = document.createElement("input");
    document.body.append(field);
    field.focus();
    document.dispatchEvent(new CustomEvent("consentry:close", { detail: { v: 1 } }));
  });
  assert.equal(await stage.page.evaluate(() => document.querySelector("consentry-banner")?.shadowRoot?.activeElement?.textContent), "Choose");
});

const csp = { "Content-Security-Policy": `script-src 'self' ${CONSENTRY}; style-src 'self'` };
onStage("where_webassembly_is_forbidden_the_banner_says_so_and_works", { headers: csp }, async (stage) => {
  await stage.press("Choose");
  await stage.page.getByRole("status").filter({ hasText: stage.boot.texts.failed }).waitFor();
  await stage.press("Accept all");
  await stage.synced("saved");
  assert.deepEqual(await stage.allowed(), granted);
  await stage.page.locator("#privacy").click();
  await stage.page.getByRole("status").filter({ hasText: stage.boot.texts.failed }).waitFor();
  await stage.press("Refuse all");
  await stage.synced("saved");
  assert.deepEqual(await stage.allowed(), refused);
});

onStage("without_a_network_the_banner_says_that_the_centre_cannot_come", {}, async (stage) => {
  await stage.context.route(`${CONSENTRY}/assets/**`, (route) => route.abort("internetdisconnected"));
  await stage.press("Choose");
  await stage.page.getByRole("status").filter({ hasText: stage.boot.texts.failed }).waitFor();
  assert.deepEqual(stage.errors, []);
});

onStage("a_tampered_widget_does_not_run", {}, async (stage) => {
  await stage.context.route(`${CONSENTRY}/assets/widget.js`, (route) =>
    route.fulfill({ body: "window.ran.push('tampered')", headers: { "Access-Control-Allow-Origin": "*" } }),
  );
  await stage.press("Choose");
  await stage.page.getByRole("status").filter({ hasText: stage.boot.texts.failed }).waitFor();
  assert.deepEqual(await stage.page.evaluate(() => window.ran), []);
  await stage.context.unroute(`${CONSENTRY}/assets/widget.js`);
  await stage.press("Choose");
  await stage.page.waitForFunction(() => window.opened?.length === 1);
});

onStage(
  "nothing_is_fetched_early_for_a_visitor_who_saves_data",
  { stay: true, html: pageWith("<main><h1>Shop</h1></main>") },
  async (stage) => {
    await stage.context.addInitScript(() => Object.defineProperty(navigator, "connection", { value: { saveData: true } }));
    await stage.visit();
    await stage.banner.waitFor();
    await stage.page.waitForLoadState("networkidle");
    assert.deepEqual(stage.requests, [`${CONSENTRY}/adforge.js`]);
  },
);
