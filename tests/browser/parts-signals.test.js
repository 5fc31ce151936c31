/** What other people's tags are told, in what order, and when. */

import assert from "node:assert/strict";
import { CONSENTRY, partsTests } from "./stage-parts.js";

/** @import { PartsStage } from "./stage-parts.js" */

const onStage = partsTests();

const SIGNALS = {
  google: {
    analytics_storage: ["analytics"],
    ad_storage: ["ads"],
    ad_user_data: ["ads", "ads/exchange"],
    ad_personalization: ["ads"],
  },
  microsoft: null,
  wordpress: {},
  optin: true,
};
const NOTHING = { google: null, microsoft: null, wordpress: {}, optin: true };

/** All seven, as they are before anybody has chosen. */
const DEFAULT = {
  ad_storage: "denied",
  ad_user_data: "denied",
  ad_personalization: "denied",
  analytics_storage: "denied",
  functionality_storage: "denied",
  personalization_storage: "denied",
  security_storage: "granted",
  wait_for_update: 500,
};

/** A page's own tag, as Google writes it. */
const GTAG = `<script>window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments) }
  gtag("js", "now"); gtag("config", "G-1")</script>`;

/** What lies in a queue, with `arguments` objects marked. @param {PartsStage} stage @param {"dataLayer" | "uetq"} queue @returns {Promise<any[]>} */
function queued(stage, queue) {
  return stage.look(
    `${queue}.map((entry) => Object.prototype.toString.call(entry) === "[object Arguments]" ? ["arguments", ...entry] : entry)`,
  );
}

/** @param {string} analytics @param {string} ads @param {string} exchange */
const update = (analytics, ads, exchange) => [
  "arguments",
  "consent",
  "update",
  { analytics_storage: analytics, ad_storage: ads, ad_user_data: exchange, ad_personalization: ads },
];

onStage("google_hears_all_seven_signals_before_the_pages_own_tag", { parts: { signals: SIGNALS }, head: GTAG }, async (stage) => {
  assert.deepEqual(await queued(stage, "dataLayer"), [
    ["arguments", "consent", "default", DEFAULT],
    ["arguments", "set", "ads_data_redaction", true],
    ["arguments", "js", "now"],
    ["arguments", "config", "G-1"],
  ]);
});

onStage("a_queue_that_the_page_began_before_gets_the_default_first", { parts: { signals: SIGNALS }, before: GTAG }, async (stage) => {
  const commands = (await queued(stage, "dataLayer")).map((entry) => entry[1]);
  assert.deepEqual(commands, ["consent", "set", "js", "config"]);
});

onStage(
  "a_tag_that_has_come_already_hears_the_default_by_its_own_push",
  {
    parts: { signals: { ...SIGNALS, microsoft: "ads" } },
    before: `<script>window.heard = []; dataLayer = ["old"]; dataLayer.push = (...entries) => heard.push(...entries.map((entry) => entry[1]));
      uetq = { push: (...words) => heard.push(words) }</script>`,
  },
  async (stage) => {
    await stage.allow(["ads"]);
    assert.deepEqual(await stage.look("heard"), [
      "default",
      "ads_data_redaction",
      ["consent", "default", { ad_storage: "denied" }],
      "update",
      ["consent", "update", { ad_storage: "granted" }],
    ]);
  },
);

onStage("a_signal_is_granted_when_all_that_it_follows_is_allowed", { parts: { signals: SIGNALS } }, async (stage) => {
  await stage.allow(["analytics"]);
  await stage.allow(["analytics", "ads"]);
  await stage.allow(["analytics", "ads", "ads/exchange"]);
  await stage.allow([]);
  assert.deepEqual((await queued(stage, "dataLayer")).slice(2), [
    update("granted", "denied", "denied"),
    update("granted", "granted", "denied"),
    update("granted", "granted", "granted"),
    update("denied", "denied", "denied"),
  ]);
});

onStage("what_google_knows_already_is_not_said_again", { parts: { signals: SIGNALS } }, async (stage) => {
  await stage.allow(["security"]);
  await stage.allow(["analytics", "security"]);
  await stage.allow(["analytics", "newsletter"]);
  assert.deepEqual((await queued(stage, "dataLayer")).slice(2), [update("granted", "denied", "denied")]);
});

onStage(
  "a_stored_choice_is_said_before_any_tag_runs",
  { parts: { signals: { ...SIGNALS, microsoft: "ads" } }, allowed: ["ads"], head: GTAG },
  async (stage) => {
    const commands = (await queued(stage, "dataLayer")).map((entry) => entry.slice(1, 3));
    assert.deepEqual(commands.slice(0, 3), [["consent", "default"], ["set", "ads_data_redaction"], ["consent", "update"]]);
    assert.deepEqual(commands[3], ["js", "now"]);
    const spoken = ["consent", "default", { ad_storage: "denied" }, "consent", "update", { ad_storage: "granted" }];
    assert.deepEqual(await queued(stage, "uetq"), spoken);
  },
);

onStage(
  "security_storage_is_denied_where_the_policy_names_it",
  { parts: { signals: { ...NOTHING, google: { security_storage: ["logins"] } } } },
  async (stage) => {
    await stage.allow(["logins"]);
    const [opening, , then] = await queued(stage, "dataLayer");
    assert.deepEqual(opening, ["arguments", "consent", "default", { ...DEFAULT, security_storage: "denied" }]);
    assert.deepEqual(then, ["arguments", "consent", "update", { security_storage: "granted" }]);
  },
);

onStage(
  "microsoft_hears_its_default_before_its_tag_and_an_update_at_each_change",
  {
    parts: { signals: { ...NOTHING, microsoft: "ads/microsoft" } },
    head: `<script>window.uetq = window.uetq || []; uetq.push("event", "view", {})</script>`,
  },
  async (stage) => {
    await stage.allow(["ads", "ads/microsoft"]);
    await stage.allow(["ads", "ads/microsoft", "other"]);
    await stage.allow(["ads"]);
    assert.deepEqual(await queued(stage, "uetq"), [
      ...["consent", "default", { ad_storage: "denied" }],
      ...["event", "view", {}],
      ...["consent", "update", { ad_storage: "granted" }],
      ...["consent", "update", { ad_storage: "denied" }],
    ]);
  },
);

onStage("who_is_not_named_hears_nothing", { parts: { signals: NOTHING } }, async (stage) => {
  await stage.allow(["ads"]);
  const found = await stage.look(`["dataLayer", "uetq", "wp_has_consent", "wp_consent_type", "gtag"].filter((name) => name in window)`);
  assert.deepEqual(found, []);
});

const WORDPRESS = { ...NOTHING, wordpress: { statistics: "analytics", marketing: "ads" } };

/** A page's script that hears what the WP Consent API says. */
const WP_LISTENER = `<script>window.heard = [];
  document.addEventListener("wp_consent_type_defined", () => heard.push(["type", wp_consent_type, wp_has_consent("statistics")]));
  document.addEventListener("wp_listen_for_consent_change", (event) => heard.push(["change", { ...event.detail }]));</script>`;

/** The plug-in, as far as it matters here: it keeps what it is told, and tells others itself. */
const WP_PLUGIN = `<script>window.told = []; window.kept = {};
  function wp_has_consent(category) { return category in kept ? kept[category] === "allow" : wp_consent_type === "optout" }
  function wp_set_consent(category, word) { told.push([category, word]); kept[category] = word }</script>`;

/** @param {PartsStage} stage */
const has = (stage) => stage.look(`["functional", "statistics", "marketing", "preferences"].filter((name) => wp_has_consent(name))`);

onStage(
  "without_the_plugin_a_sites_scripts_can_ask_and_listen",
  { parts: { signals: WORDPRESS }, body: WP_LISTENER },
  async (stage) => {
    assert.deepEqual(await has(stage), ["functional"]);
    await stage.allow(["analytics"]);
    assert.deepEqual(await has(stage), ["functional", "statistics"]);
    await stage.allow(["analytics", "other"]);
    await stage.allow(["ads"]);
    assert.deepEqual(await stage.look("heard"), [
      ["type", "optin", false],
      ["change", { statistics: "allow" }],
      ["change", { statistics: "deny", marketing: "allow" }],
    ]);
  },
);

onStage(
  "a_plugin_further_down_is_told_before_its_listeners_are",
  { parts: { signals: WORDPRESS }, allowed: ["analytics"], body: WP_PLUGIN + WP_LISTENER },
  async (stage) => {
    assert.deepEqual(await stage.look("heard"), [["type", "optin", true]]);
    await stage.allow(["analytics"]);
    await stage.allow(["analytics", "ads"]);
    await stage.allow(["ads"]);
    assert.deepEqual(await stage.look("told"), [
      ["statistics", "allow"],
      ["marketing", "allow"],
      ["statistics", "deny"],
    ]);
    assert.deepEqual(await stage.look("heard.length"), 1, "the plug-in speaks for itself");
  },
);

onStage("a_plugin_is_made_to_set_no_cookie_for_silence", { parts: { signals: WORDPRESS }, before: WP_PLUGIN }, async (stage) => {
  await stage.allow(["security"]);
  assert.deepEqual(await stage.look("told"), []);
});

onStage(
  "where_people_may_opt_out_the_plugin_hears_the_no",
  { parts: { signals: { ...WORDPRESS, optin: false } }, allowed: ["ads"], before: WP_PLUGIN },
  async (stage) => {
    assert.equal(await stage.look("wp_consent_type"), "optout");
    assert.deepEqual(await stage.look("told"), [["statistics", "deny"]]);
  },
);

onStage(
  "an_async_tag_still_says_the_type_to_who_listens",
  { parts: { signals: WORDPRESS }, tag: "async", before: WP_LISTENER },
  async (stage) => {
    await stage.until("heard.length > 0");
    assert.deepEqual(await stage.look("heard"), [["type", "optin", false]]);
  },
);

onStage(
  "a_second_tag_says_nothing_twice",
  {
    parts: { signals: { ...SIGNALS, microsoft: "ads", wordpress: WORDPRESS.wordpress } },
    head: `<script src="${CONSENTRY}/shop.js"></script>`,
    body: WP_LISTENER,
  },
  async (stage) => {
    await stage.allow(["ads", "ads/exchange"]);
    assert.equal((await queued(stage, "dataLayer")).length, 3);
    assert.equal((await queued(stage, "uetq")).length, 6);
    assert.equal(await stage.look("heard.length"), 2);
    assert.deepEqual(stage.errors, []);
  },
);
