/** Which old choices are found, what they are taken to say, and what is no choice. */

import assert from "node:assert/strict";
import { CONSENTRY, PAGE, partsTests } from "./stage-parts.js";

/** @import { PartsStage, Play } from "./stage-parts.js" */

const onStage = partsTests();

const NOW = Date.now();
const DAY_MS = 86_400_000;
const LAST_MONTH = NOW - 30 * DAY_MS - (NOW % 1000);
const TWO_YEARS_AGO = NOW - 730 * DAY_MS;

const NAMES = { C0002: "analytics", C0004: "ads", measurement: "analytics", statistics: "analytics", marketing: "ads", necessary: "security" };
const TARGETS = ["analytics", "ads", "ads/exchange", "ai-training"];

/** @param {string[]} from @param {object} [changes] */
const imports = (from, changes = {}) => ({
  imports: { site: "shop", from, cookie: {}, names: NAMES, targets: TARGETS, validity_ms: 365 * DAY_MS, ...changes },
});

/** What the browser has when the page comes: cookies as they are sent, and items of the storage. */
/** @typedef {{ cookies?: Record<string, string>, items?: Record<string, string> }} Before */

/** @param {Before} before @returns {(stage: PartsStage) => Promise<void>} */
const having = ({ cookies = {}, items = {} }) =>
  async (stage) => {
    const all = Object.entries(cookies).map(([name, value]) => ({ name, value, domain: ".shop.test", path: "/" }));
    await stage.context.addCookies(all);
    await stage.context.addInitScript((items) => {
      for (const [name, text] of Object.entries(items)) localStorage[name] = text;
    }, items);
  };

/** What was left for the loader; null for nothing. @param {PartsStage} stage */
const left = (stage) => stage.look("window.left || null");

/** Everything that a page can read. */
const KEPT = "[document.cookie, JSON.stringify(Object.entries(localStorage).sort())]";

/**
 * @param {string} name
 * @param {string} source
 * @param {Before} before
 * @param {{ stances: Record<string, string>, at_ms: number | null } | null} expected
 * @param {object} [changes] of the part's configuration
 */
function check(name, source, before, expected, changes) {
  onStage(name, { parts: imports([source], changes), first: having(before) }, async (stage) => {
    assert.deepEqual(await left(stage), expected && [["_imported", { source, ...expected }]]);
    assert.deepEqual(stage.errors, []);
    if (before.cookies) assert.equal((await stage.context.cookies()).length, Object.keys(before.cookies).length);
  });
}

/** As cookieconsent 3 keeps it. @param {object} [changes] */
const ccCookie = (changes = {}) =>
  JSON.stringify({
    categories: ["necessary", "analytics"],
    revision: 0,
    data: null,
    consentTimestamp: new Date(TWO_YEARS_AGO).toISOString(),
    consentId: "8e1ba2c2-6f43-4a7e-9d7a-2f0b5a4a9f10",
    services: { necessary: [], analytics: [], ads: [], social: [] },
    languageCode: "en",
    lastConsentTimestamp: new Date(LAST_MONTH).toISOString(),
    expirationTime: NOW + 100 * DAY_MS,
    ...changes,
  });

const CC_EXPECTED = { stances: { analytics: "grant", ads: "refuse" }, at_ms: LAST_MONTH };

check("cookieconsents_cookie_says_what_was_accepted_and_what_was_not", "cookieconsent", { cookies: { cc_cookie: encodeURIComponent(ccCookie()) } }, CC_EXPECTED);
check("cookieconsent_may_have_been_told_to_use_the_storage", "cookieconsent", { items: { cc_cookie: ccCookie({ data: "100 %" }) } }, CC_EXPECTED);
check("cookieconsents_storage_is_no_choice_when_its_time_is_over", "cookieconsent", { items: { cc_cookie: ccCookie({ expirationTime: NOW - 1 }) } }, null);
check(
  "cookieconsents_services_are_granted_by_name",
  "cookieconsent",
  { cookies: { cc_cookie: encodeURIComponent(ccCookie({ categories: ["necessary", "ads"], services: { necessary: [], analytics: [], ads: ["adx"] } })) } },
  { stances: { analytics: "refuse", ads: "grant", "ads/exchange": "grant" }, at_ms: LAST_MONTH },
  { names: { ...NAMES, adx: "ads/exchange" } },
);
check(
  "a_cookie_may_have_another_name",
  "cookieconsent",
  { cookies: { shop_cookie: encodeURIComponent(ccCookie()), cc_cookie: "other" } },
  CC_EXPECTED,
  { cookie: { cookieconsent: "shop_cookie" } },
);

const KLARO = { statistics: true, marketing: false, "ai-training": true, map: true, necessary: true };
const KLARO_EXPECTED = { stances: { analytics: "grant", ads: "refuse", "ai-training": "grant" }, at_ms: null };

check("klaros_cookie_says_it_by_service_and_not_when", "klaro", { cookies: { klaro: encodeURIComponent(JSON.stringify(KLARO)) } }, KLARO_EXPECTED);
check("klaro_may_have_been_told_to_use_the_storage", "klaro", { items: { klaro: JSON.stringify(KLARO) } }, KLARO_EXPECTED);
check(
  "of_two_names_for_one_target_the_no_counts",
  "klaro",
  { cookies: { klaro: encodeURIComponent(JSON.stringify({ statistics: true, measurement: false, C0002: true })) } },
  { stances: { analytics: "refuse" }, at_ms: null },
);

check(
  "c15ts_cookie_leaves_out_what_was_refused",
  "c15t",
  { cookies: { c15t: `c.necessary:1,c.measurement:1,i.t:${LAST_MONTH},i.y:custom,i.sid:sub_2Dk7fQ9` } },
  { stances: { analytics: "grant", ads: "refuse" }, at_ms: LAST_MONTH },
);
check(
  "c15ts_storage_says_the_same_as_json",
  "c15t",
  { items: { c15t: JSON.stringify({ consents: { necessary: true, marketing: true, measurement: false }, consentInfo: { time: LAST_MONTH, subjectId: "sub_1" } }) } },
  { stances: { analytics: "refuse", ads: "grant" }, at_ms: LAST_MONTH },
);
check(
  "c15ts_defaults_are_no_choice",
  "c15t",
  { items: { c15t: JSON.stringify({ consents: { necessary: true, marketing: true }, consentInfo: null }) } },
  null,
);

/** As OneTrust keeps it. @param {Record<string, string>} [changes] */
const optanon = (changes = {}) =>
  Object.entries({
    isGpcEnabled: "0",
    datestamp: `${new Date(LAST_MONTH).toString()}`,
    version: "202405.1.0",
    browserGpcFlag: "0",
    isIABGlobal: "false",
    hosts: "",
    consentId: "6519f6a4-980f-47ba-811d-7a8650589585",
    interactionCount: "1",
    isAnonUser: "1",
    landingPath: "NotLandingPage",
    groups: "C0001:1,C0002:1,C0004:0,BG14:0",
    AwaitingReconsent: "false",
    geolocation: "DE;BE",
    ...changes,
  })
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replace(/%20/g, "+")}`)
    .join("&");

/** As a browser two hours east of Greenwich would write it. @param {number} ms */
const inTwoHoursZone = (ms) => new Date(ms + 7_200_000).toUTCString().replace(",", "").replace("GMT", "GMT+0200");

const ONETRUST_EXPECTED = { stances: { analytics: "grant", ads: "refuse" }, at_ms: LAST_MONTH };

check("onetrusts_cookie_says_it_by_group", "onetrust", { cookies: { OptanonConsent: optanon() } }, ONETRUST_EXPECTED);
check(
  "onetrust_dates_a_choice_by_when_its_box_was_closed",
  "onetrust",
  { cookies: { OptanonConsent: optanon({ datestamp: new Date(NOW).toString() }), OptanonAlertBoxClosed: new Date(LAST_MONTH).toISOString() } },
  ONETRUST_EXPECTED,
);
check(
  "onetrusts_older_cookies_are_encoded_less",
  "onetrust",
  { cookies: { OptanonConsent: `datestamp=${inTwoHoursZone(LAST_MONTH).replace(/ /g, "+")}&version=6.15.0&groups=C0001:1,C0002:0` } },
  { stances: { analytics: "refuse" }, at_ms: LAST_MONTH },
);
check("onetrusts_defaults_are_no_choice", "onetrust", { cookies: { OptanonConsent: optanon({ interactionCount: "0" }) } }, null);
check("onetrusts_choice_that_it_would_ask_again_is_none", "onetrust", { cookies: { OptanonConsent: optanon({ AwaitingReconsent: "true" }) } }, null);
check("an_address_in_onetrusts_cookie_adds_no_group", "onetrust", { cookies: { OptanonConsent: optanon({ landingPath: "https://x.test/?a&groups=C0004:1", groups: "C0002:0" }) } }, {
  stances: { analytics: "refuse" },
  at_ms: LAST_MONTH,
});

/** As Cookiebot keeps it. @param {string} [stamp] @param {string} [method] */
const cookiebot = (stamp = "VLZnHUKBPLqZCJyClLLmnGglmUPeZsGxrmiAEZ48i7UH39ptKHY4MA==", method = "explicit") =>
  `{stamp:'${stamp}',necessary:true,preferences:false,statistics:false,marketing:true,method:'${method}',ver:1,utc:${LAST_MONTH},region:'de'}`;
const COOKIEBOT_EXPECTED = { stances: { analytics: "refuse", ads: "grant" }, at_ms: LAST_MONTH };

check("cookiebots_cookie_says_it_by_category", "cookiebot", { cookies: { CookieConsent: encodeURIComponent(cookiebot()) } }, COOKIEBOT_EXPECTED);
check("cookiebots_cookie_may_not_be_encoded", "cookiebot", { cookies: { CookieConsent: cookiebot() } }, COOKIEBOT_EXPECTED);
check("consent_that_cookiebot_implied_is_no_choice", "cookiebot", { cookies: { CookieConsent: encodeURIComponent(cookiebot("-1", "implied")) } }, null);
check("a_negative_stamp_of_cookiebot_is_no_choice", "cookiebot", { cookies: { CookieConsent: encodeURIComponent(cookiebot("-1")) } }, null);

/** What may lie under each name without being a choice. */
const GARBAGE = [
  ...["", "1", "true", "null", "[]", "{}", '""', "accepted", "%E0%A4%A", "-1", "undefined", "[object%20Object]"],
  ...['{"categories":true}', '{"categories":"analytics"}', '{"services":{"analytics":7}}', "[true,false]", '{"analytics":"yes"}'],
  ...["c.analytics", "c.analytics:1", "i.t:soon,c.analytics:1", "groups=", "groups=analytics", "groups=%E0%A4%A:1", "{stamp:"],
];

for (const [source, cookie] of Object.entries({
  cookieconsent: "cc_cookie",
  klaro: "klaro",
  c15t: "c15t",
  onetrust: "OptanonConsent",
  cookiebot: "CookieConsent",
})) {
  onStage(`garbage_under_${source}s_name_is_no_choice`, { parts: imports([source]) }, async (stage) => {
    for (const text of GARBAGE) {
      for (const [name, value] of [[cookie, text], [cookie, encodeURIComponent(text)]]) {
        await stage.context.clearCookies();
        await stage.context.addCookies([{ name, value, url: PAGE }]);
        await stage.visit();
        assert.equal(await left(stage), null, value);
      }
      await stage.context.clearCookies();
      await stage.look(`localStorage[${JSON.stringify(cookie)}] = ${JSON.stringify(text)}`);
      await stage.visit();
      assert.equal(await left(stage), null, `${text} in the storage`);
      await stage.look("localStorage.clear()");
    }
    assert.deepEqual(stage.errors, []);
  });
}

const ALL = ["cookieconsent", "klaro", "c15t", "onetrust", "cookiebot"];

/** @param {string} name @param {Before} before @param {string | null} source @param {object} [changes] */
function checkFirst(name, before, source, changes) {
  onStage(name, { parts: imports(ALL, changes), first: having(before) }, async (stage) => {
    assert.equal((await left(stage))?.[0][1].source ?? null, source);
  });
}

const klaro = encodeURIComponent(JSON.stringify(KLARO));
checkFirst("the_first_in_the_policys_order_is_taken", { cookies: { CookieConsent: encodeURIComponent(cookiebot()), klaro } }, "klaro");
checkFirst("what_cannot_be_read_gives_way_to_the_next", { cookies: { cc_cookie: "garbage", klaro } }, "klaro");
checkFirst("what_says_nothing_of_our_targets_gives_way_to_the_next", { cookies: { klaro: '{"map":true}', CookieConsent: cookiebot() } }, "cookiebot");
checkFirst(
  "what_is_older_than_a_choice_holds_gives_way_to_the_next",
  { cookies: { cc_cookie: encodeURIComponent(ccCookie({ lastConsentTimestamp: new Date(TWO_YEARS_AGO).toISOString() })), klaro } },
  "klaro",
);
checkFirst("what_will_have_been_chosen_is_not_believed", { cookies: { c15t: `c.measurement:1,i.t:${NOW + 9 * DAY_MS}` } }, null);
checkFirst("a_name_that_only_looks_like_a_systems_is_not_read", { cookies: { my_klaro: klaro, klaro2: klaro } }, null);
checkFirst("names_of_what_every_object_has_are_not_ours", { cookies: { klaro: '{"constructor":true,"toString":true,"__proto__":true}' } }, null);
checkFirst("where_we_know_a_choice_nothing_is_imported", { cookies: { klaro }, items: { "consentry:shop": "{}" } }, null);
checkFirst("another_sites_choice_in_the_same_storage_is_not_ours", { cookies: { klaro }, items: { "consentry:forum": "{}" } }, "klaro");

onStage("nothing_is_written_and_nothing_deleted", { parts: imports(ALL), first: having({ cookies: { klaro }, items: { c15t: "{}" } }) }, async (stage) => {
  assert.ok(await left(stage));
  assert.deepEqual(await stage.look(KEPT), [`klaro=${klaro}`, '[["c15t","{}"]]']);
});

onStage(
  "a_queue_of_the_page_and_an_element_of_that_name_are_no_obstacle",
  { parts: imports(ALL), before: `<script>window.consentry = [["on", "change", "x"]]</script>`, first: having({ cookies: { klaro } }) },
  async (stage) => {
    assert.deepEqual((await left(stage)).map((/** @type {any} */ [name]) => name), ["on", "_imported"]);
  },
);

onStage(
  "an_element_called_consentry_is_no_queue",
  { parts: imports(ALL), before: `<meta id="consentry">`, first: having({ cookies: { klaro } }) },
  async (stage) => {
    assert.equal((await left(stage))[0][0], "_imported");
  },
);

onStage(
  "where_storage_is_blocked_nothing_is_imported_and_nothing_breaks",
  { parts: imports(ALL), headers: { "Content-Security-Policy": "sandbox allow-scripts" } },
  async (stage) => {
    assert.equal(await left(stage), null);
    assert.deepEqual(stage.errors, []);
  },
);

onStage(
  "a_second_tag_imports_nothing_again",
  { parts: imports(ALL), head: `<script src="${CONSENTRY}/shop.js"></script>`, first: having({ cookies: { klaro } }) },
  async (stage) => {
    assert.equal((await left(stage)).length, 1);
    assert.deepEqual(stage.errors, []);
  },
);
