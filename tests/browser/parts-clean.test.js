/** What is removed from the browser, what is not, and when the page is loaded anew. */

import assert from "node:assert/strict";
import { HOST, PAGE, partsTests } from "./stage-parts.js";

/** @import { PartsStage } from "./stage-parts.js" */

const onStage = partsTests();

/** @param {[string, string[], string[]][]} clean @param {string[]} [reload] */
const cleaning = (clean, reload = []) => ({ clean: { clean, reload } });

const ANALYTICS = cleaning([["analytics", ["_ga*", "_gid"], ["_stats*"]]]);

/** Names of all cookies in the browser, whatever a page may see. @param {PartsStage} stage */
async function cookies(stage) {
  // What a page sets is on its way until the page reads again.
  await stage.look("document.cookie");
  return (await stage.context.cookies()).map(({ name }) => name).sort();
}

/** A cookie for each way of setting one that a page's path and host allow. */
const PLACES = [
  { domain: "www.shop.test", path: "/" },
  { domain: ".www.shop.test", path: "/" },
  { domain: ".shop.test", path: "/" },
  { domain: ".shop.test", path: "/goods" },
  { domain: ".shop.test", path: "/goods/" },
  { domain: "www.shop.test", path: "/goods/shoes" },
  { domain: "www.shop.test", path: "/goods/shoes/" },
  { domain: ".www.shop.test", path: "/goods/shoes/red.html" },
];

onStage(
  "a_cookie_goes_whatever_domain_path_and_kind_it_has",
  {
    parts: ANALYTICS,
    allowed: ["analytics"],
    async first(stage) {
      for (const secure of [false, true]) {
        const set = PLACES.map((place, index) => ({ name: `_ga${secure}${index}`, value: "1", secure, ...place }));
        // The same name in all places, too.
        await stage.context.addCookies([...set, ...set.map((cookie) => ({ ...cookie, name: "_gid" }))]);
      }
    },
  },
  async (stage) => {
    await stage.look(`document.cookie = "__Host-_ga=1; Secure; Path=/"; document.cookie = "_ga_parted=1; Secure; Path=/; Partitioned"; document.cookie = "_ga_empty="`);
    assert.equal((await cookies(stage)).length, 16 + 8 + 3);
    await stage.allow([]);
    assert.deepEqual(await cookies(stage), ["__Host-_ga"], "the pattern begins with an underscore and `ga`");
  },
);

onStage(
  "a_cookie_whose_name_asks_for_security_goes_too",
  { parts: cleaning([["analytics", ["__*-id"], []]]), allowed: ["analytics"] },
  async (stage) => {
    await stage.look(`document.cookie = "__Host-id=1; Secure; Path=/"; document.cookie = "__Secure-id=1; Secure; Domain=shop.test"`);
    assert.equal((await cookies(stage)).length, 2);
    await stage.allow([]);
    assert.deepEqual(await cookies(stage), []);
  },
);

/** Which names a pattern means. @type {Record<string, [pattern: string, meant: string[], others: string[]]>} */
const PATTERNS = {
  a_name_means_itself: ["_gid", ["_gid"], ["_gid2", "x_gid", "_GID"]],
  a_star_at_the_end_stands_for_any_end: ["_ga*", ["_ga", "_ga_1"], ["_g", "a_ga"]],
  a_star_at_the_beginning_stands_for_any_beginning: ["*_id", ["_id", "visitor_id"], ["_id2"]],
  a_star_within_stands_for_anything_there: ["a*z", ["az", "a.b.z"], ["a", "za"]],
  other_signs_mean_themselves: ["a.b+c$[d]", ["a.b+c$[d]"], ["axb+c$[d]", "abbc"]],
};

for (const [name, [pattern, meant, others]] of Object.entries(PATTERNS)) {
  onStage(name, { parts: cleaning([["analytics", [pattern], [pattern]]]), allowed: ["analytics"] }, async (stage) => {
    const all = [...meant, ...others];
    await stage.look(`for (const name of ${JSON.stringify(all)}) { document.cookie = name + "=1"; localStorage[name] = sessionStorage[name] = "1" }`);
    assert.deepEqual(await cookies(stage), all.toSorted());
    await stage.allow([]);
    assert.deepEqual(await cookies(stage), others.toSorted());
    const kept = "[Object.keys(localStorage).sort(), Object.keys(sessionStorage).sort()]";
    assert.deepEqual(await stage.look(kept), [others.toSorted(), others.toSorted()]);
  });
}

onStage(
  "only_what_a_target_that_is_not_allowed_has_left_goes",
  { parts: cleaning([["analytics", ["_ga"], ["_stats"]], ["ads/exchange", ["_ex"], []]]), allowed: ["analytics", "ads/exchange"] },
  async (stage) => {
    await stage.look(`document.cookie = "_ga=1"; document.cookie = "_ex=1"; document.cookie = "session=1"; localStorage._stats = "1"`);
    await stage.allow(["analytics"]);
    assert.deepEqual(await cookies(stage), ["_ga", "session"]);
    assert.equal(await stage.look("localStorage._stats"), "1");
    await stage.allow(["ads/exchange"]);
    assert.deepEqual(await cookies(stage), ["session"]);
    assert.equal(await stage.look("localStorage.length"), 0);
  },
);

onStage(
  "what_an_earlier_visit_left_goes_where_nothing_is_allowed_from_the_start",
  {
    parts: ANALYTICS,
    first: (stage) => stage.context.addCookies([{ name: "_ga", value: "1", domain: ".shop.test", path: "/" }]),
  },
  async (stage) => {
    // Once the banner stands.
    await stage.page.waitForFunction(() => !document.cookie);
    assert.deepEqual(await cookies(stage), []);
  },
);

onStage(
  "what_an_earlier_visit_left_stays_where_it_is_still_allowed",
  {
    parts: cleaning([["analytics", ["_ga*"], []], ["marketing", ["_fbp"], []]]),
    allowed: ["analytics"],
    first: (stage) =>
      stage.context.addCookies(["_ga", "_fbp"].map((name) => ({ name, value: "1", domain: ".shop.test", path: "/" }))),
  },
  async (stage) => {
    // Once the other is gone, this one has been passed over.
    await stage.page.waitForFunction(() => !document.cookie.includes("_fbp"));
    assert.deepEqual(await cookies(stage), ["_ga"]);
  },
);

onStage("our_own_item_stays_whatever_a_pattern_says", { parts: cleaning([["analytics", [], ["*"]]]), allowed: ["analytics"] }, async (stage) => {
  await stage.look(`localStorage["consentry:shop"] = "kept"; localStorage.other = "1"`);
  await stage.allow([]);
  assert.deepEqual(await stage.look("Object.keys(localStorage)"), ["consentry:shop"]);
});

onStage("no_pattern_means_nothing", { parts: cleaning([["analytics", [], []]]), allowed: ["analytics"] }, async (stage) => {
  await stage.look(`document.cookie = "_ga=1"; localStorage._stats = "1"; localStorage[""] = "1"`);
  await stage.allow([]);
  assert.deepEqual(await cookies(stage), ["_ga"]);
  assert.equal(await stage.look("localStorage.length"), 2);
});

onStage(
  "blocked_cookies_and_storage_are_no_error",
  { parts: ANALYTICS, allowed: ["analytics"], headers: { "Content-Security-Policy": "sandbox allow-scripts" } },
  async (stage) => {
    assert.match(await stage.look("(() => { try { return localStorage } catch (error) { return error.name } })()"), /SecurityError/);
    await stage.allow([]);
    await stage.allow(["analytics"]);
    assert.deepEqual(stage.errors, []);
  },
);

const RELOADING = cleaning([["analytics", ["_ga*"], []]], ["analytics"]);

/** The page that comes next. @param {PartsStage} stage */
const nextVisit = (stage) => stage.page.waitForEvent("domcontentloaded");

for (const state of ["saved", "offline", "failed"]) {
  onStage(`a_withdrawal_reloads_once_when_the_choice_is_${state}`, { parts: RELOADING, allowed: ["analytics"] }, async (stage) => {
    const next = nextVisit(stage);
    await stage.allow([]);
    await stage.sync("saving");
    assert.equal(stage.visits, 1);
    await stage.sync(state);
    await next;
    assert.equal(stage.visits, 2);
  });
}

/** The page's clock stands still until a test moves it. @param {PartsStage} stage */
async function stopClock({ page }) {
  await page.clock.install({ time: 0 });
  await page.clock.pauseAt(1000);
}

onStage(
  "a_withdrawal_reloads_after_two_seconds_whatever_becomes_of_the_choice",
  { parts: RELOADING, allowed: ["analytics"], first: stopClock },
  async (stage) => {
    const next = nextVisit(stage);
    await stage.allow([]);
    await stage.page.clock.runFor(1999);
    assert.equal(stage.visits, 1);
    await stage.page.clock.runFor(1);
    await next;
    assert.equal(stage.visits, 2);
  },
);

onStage("only_a_withdrawal_of_what_the_policy_names_reloads", { parts: RELOADING, first: stopClock }, async (stage) => {
  for (const list of [["ads"], ["analytics", "ads"], ["analytics"]]) await stage.allow(list);
  await stage.sync("saved");
  await stage.page.clock.runFor(5000);
  // Whoever had begun to reload would have asked for the page before this, and be gone.
  await stage.look('fetch("/settled.svg").then((answer) => answer.text())');
  assert.equal(stage.visits, 1);
});

onStage("without_a_network_the_reload_waits_for_it", { parts: RELOADING, allowed: ["analytics"], first: stopClock }, async (stage) => {
  await stage.context.setOffline(true);
  await stage.allow([]);
  await stage.sync("offline");
  await stage.page.clock.runFor(5000);
  assert.deepEqual([stage.visits, stage.page.url()], [1, PAGE]);
  const next = nextVisit(stage);
  await stage.context.setOffline(false);
  await next;
  assert.equal(stage.visits, 2);
  assert.ok(stage.page.url().startsWith(HOST));
});

onStage(
  "a_second_tag_cleans_nothing_twice",
  {
    parts: RELOADING,
    allowed: ["analytics"],
    before: `<script>window.added = 0; const add = document.addEventListener;
      document.addEventListener = function (name, ...rest) { if (name === "consentry:change") added++; return add.call(this, name, ...rest) }</script>`,
    head: `<script src="https://consent.test/shop.js"></script>`,
  },
  async (stage) => {
    assert.equal(await stage.look("added"), 1);
  },
);
