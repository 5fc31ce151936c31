/** What is held back from hosts that nobody allowed, and how it comes when they are. */

import assert from "node:assert/strict";
import { FRIEND, HOST, STATS, STATS_CDN, partsTests } from "./stage-parts.js";

/** @import { PartsStage } from "./stage-parts.js" */

const onStage = partsTests();

const GUARD = { guard: { hosts: { "stats.test": "analytics", "ads.stats.test": "ads" } } };

/** A page whose head and body hold this. @param {string} body @param {Partial<import("./stage-parts.js").Play>} [more] */
const page = (body, more = {}) => ({ parts: GUARD, body, ...more });

/** Lets the browser do what it would have done by now: what it asked for before, it asked for before this. @param {PartsStage} stage */
const settle = (stage) =>
  stage.page.evaluate(async () => {
    for (let frames = 2; frames; frames--) await new Promise((next) => requestAnimationFrame(next));
    await (await fetch("/settled.svg")).text();
  });

/** The tag of an element. @param {PartsStage} stage @param {string} selector */
const attributes = (stage, selector) =>
  stage.look(`Object.fromEntries(Array.from(document.querySelector(${JSON.stringify(selector)}).attributes, (a) => [a.name, a.value]))`);

onStage(
  "a_script_in_the_markup_does_not_run_until_its_host_is_allowed",
  page(
    `<script src="${STATS}/first.js"></script><script src="${FRIEND}/friend.js"></script>
     <script src="${STATS}/deferred.js" defer data-key="1"></script>`,
    { head: `<script src="${STATS_CDN}/module.js" type="module"></script>` },
  ),
  async (stage) => {
    await settle(stage);
    assert.deepEqual(await stage.look("ran"), ["friend.js"]);
    const tag = { "data-consent": "analytics", "data-src": `${STATS}/deferred.js`, type: "text/plain" };
    assert.deepEqual(await attributes(stage, "[data-key]"), { ...tag, "data-key": "1", defer: "" });
    assert.equal((await attributes(stage, "head [data-consent]"))["data-type"], "module");
    await stage.allow(["ads"]);
    await settle(stage);
    assert.deepEqual(await stage.look("ran"), ["friend.js"]);
    await stage.allow(["analytics"]);
    await stage.until("ran.length === 4");
    assert.deepEqual((await stage.look("ran")).sort(), ["deferred.js", "first.js", "friend.js", "module.js"]);
    await stage.allow([]);
    await stage.allow(["analytics"]);
    await settle(stage);
    assert.equal((await stage.look("ran")).length, 4);
  },
);

onStage(
  "a_script_that_the_page_writes_while_it_is_parsed_does_not_run_and_runs_once_later",
  page(`<script>document.write('<script src="${STATS}/written.js"><\\/script>')</script><script>window.after = true</script>`),
  async (stage) => {
    await stage.until("window.after");
    await settle(stage);
    assert.equal(await stage.look("window.ran"), undefined);
    await stage.allow(["analytics"]);
    await stage.until("window.ran");
    await settle(stage);
    assert.deepEqual(await stage.look("ran"), ["written.js"]);
  },
);

onStage("with_a_stored_choice_nothing_is_touched", page(
  `<script src="${STATS}/first.js"></script><iframe src="${STATS}/frame"></iframe><img src="${STATS}/pixel.svg" alt="">`,
  { allowed: ["analytics"], tag: "async" },
), async (stage) => {
  await stage.until("window.consentry");
  await settle(stage);
  assert.deepEqual(await stage.look("ran"), ["first.js"]);
  assert.equal(await stage.look("document.querySelectorAll('[data-consent]').length"), 0);
  assert.deepEqual(stage.requests.toSorted(), [`${STATS}/first.js`, `${STATS}/frame`, `${STATS}/pixel.svg`]);
});

/** Every element that loads something: how a page makes one by script, and by what it is known then. @type {Record<string, [make: string, attribute: string]>} */
const MADE = {
  a_script: ["Object.assign(document.createElement('script'), { src })", "src"],
  a_scripts_attribute: ["set(document.createElement('script'), 'src')", "src"],
  a_frame: ["Object.assign(document.createElement('iframe'), { src })", "src"],
  a_frames_attribute: ["set(document.createElement('iframe'), 'SRC')", "src"],
  a_picture: ["Object.assign(new Image(), { src })", "src"],
  a_pictures_attribute: ["set(new Image(), 'src')", "src"],
  a_pictures_choices: ["Object.assign(new Image(), { srcset: '/own.svg 1x, ' + src + ' 2x' })", "srcset"],
  a_style_sheet: ["Object.assign(document.createElement('link'), { rel: 'stylesheet', href: src })", "href"],
  a_style_sheet_named_last: ["Object.assign(document.createElement('link'), { href: src, rel: 'stylesheet' })", "href"],
  a_preload: ["set(Object.assign(document.createElement('link'), { rel: 'preload', as: 'image' }), 'href')", "href"],
  a_video: ["Object.assign(document.createElement('video'), { src })", "src"],
  a_sound: ["set(document.createElement('audio'), 'src')", "src"],
  a_source: ["Object.assign(document.createElement('source'), { src })", "src"],
};

for (const [name, [make, attribute]] of Object.entries(MADE)) {
  onStage(`${name}_made_by_script_asks_for_nothing_until_its_host_is_allowed`, page("<video id=place></video>"), async (stage) => {
    const src = `${STATS}/made.${name.includes("style") ? "css" : name.includes("script") ? "js" : "svg"}`;
    await stage.look(`{
      const src = ${JSON.stringify(src)};
      const set = (element, name) => { element.setAttribute(name, src); return element };
      const made = ${make};
      made.id = "made";
      (made.localName === "source" ? place : document.body).append(made);
    }`);
    await settle(stage);
    assert.deepEqual(stage.requests, []);
    const held = await attributes(stage, "#made");
    assert.equal(held["data-consent"], "analytics");
    // A script that a page makes waits for no other, unless it says so.
    assert.equal("async" in held, name.includes("script"));
    assert.match(held[`data-${attribute}`], /stats\.test/);
    assert.equal(held[attribute], undefined);
    const asked = stage.page.waitForRequest((request) => request.url() === src);
    await stage.allow(["analytics"]);
    // A screen of ordinary density does not take the second choice of two.
    if (attribute === "srcset") assert.match((await attributes(stage, "#made")).srcset, /stats\.test/);
    else await asked;
    asked.catch(() => {});
  });
}

onStage("a_script_that_the_page_made_hears_that_it_has_loaded", page(""), async (stage) => {
  await stage.look(`{
    window.loaded = [];
    const script = document.createElement("script");
    script.onload = () => loaded.push("property");
    script.addEventListener("load", () => loaded.push("listener"));
    script.src = "${STATS}/made.js";
    script.type = "text/javascript";
    document.head.append(script);
  }`);
  await settle(stage);
  assert.deepEqual(await stage.look("[loaded, window.ran]"), [[], undefined]);
  await stage.allow(["analytics"]);
  await stage.until("loaded.length === 2");
  assert.deepEqual(await stage.look("[loaded, ran]"), [["property", "listener"], ["made.js"]]);
});

onStage("scripts_of_one_address_each_hear_that_they_have_loaded_and_keep_their_order", page(""), async (stage) => {
  await stage.look(`{
    window.loaded = [];
    for (const name of ["first", "second"]) {
      const script = document.createElement("script");
      script.onload = () => loaded.push(name);
      script.src = "${STATS}/same.js";
      script.async = name === "first";
      script.id = name;
      document.head.append(script);
    }
  }`);
  assert.equal((await attributes(stage, "#first")).async, "");
  assert.equal((await attributes(stage, "#second")).async, undefined);
  await stage.allow(["analytics"]);
  await stage.until("loaded.length === 2");
  assert.deepEqual((await stage.look("loaded")).sort(), ["first", "second"]);
});

onStage("a_player_does_not_go_on_with_what_it_had", page(`<video id=player src="${FRIEND}/film.mp4"></video>`), async (stage) => {
  await stage.until("player.networkState !== player.NETWORK_EMPTY");
  await stage.look(`player.src = "${STATS}/film.mp4"`);
  assert.equal(await stage.look("player.networkState"), 0);
});

onStage("an_address_that_comes_when_the_element_is_in_the_page_is_held_back", page("<iframe id=frame></iframe>"), async (stage) => {
  await stage.look(`frame.src = "${STATS}/frame"`);
  await stage.look(`{ const script = document.head.appendChild(document.createElement("script")); script.src = "${STATS}/late.js" }`);
  await settle(stage);
  assert.deepEqual(stage.requests, []);
  await stage.allow(["analytics"]);
  await stage.until("window.ran");
  assert.equal(await stage.look("frame.src"), `${STATS}/frame`);
});

onStage("a_pixel_that_is_used_twice_is_held_back_twice", page(""), async (stage) => {
  await stage.look(`window.pixel = new Image(); pixel.src = "${STATS}/one.svg"; pixel.src = "${STATS}/two.svg"`);
  await settle(stage);
  assert.deepEqual(stage.requests, []);
  await stage.look(`new Promise((resolve) => { pixel.onload = resolve; pixel.src = "${FRIEND}/three.svg" })`);
  assert.deepEqual(await stage.look("[pixel.src, pixel.hasAttribute('data-consent')]"), [`${FRIEND}/three.svg`, false]);
});

onStage("a_script_that_gets_a_harmless_address_instead_runs", page(""), async (stage) => {
  await stage.look(`{
    const script = document.createElement("script");
    script.src = "${STATS}/one.js";
    script.src = "${FRIEND}/other.js";
    document.head.append(script);
  }`);
  await stage.until("window.ran");
  assert.deepEqual(await stage.look("ran"), ["other.js"]);
});

onStage("what_markup_by_script_brings_stays_held_back", page("<div id=place></div>"), async (stage) => {
  await stage.look(`place.innerHTML = '<iframe src="${STATS}/frame"></iframe><video src="${STATS}/film.mp4"></video><picture><source srcset="${STATS}/a.svg"><img src="/own.svg"></picture>'`);
  await stage.look(`place.append(document.createRange().createContextualFragment('<script src="${STATS}/fragment.js"><\\/script>'))`);
  await settle(stage);
  assert.equal(await stage.look("window.ran"), undefined);
  const held = "Array.from(place.querySelectorAll('[data-consent=analytics]'), (element) => element.localName + element.hasAttribute('src'))";
  assert.deepEqual(await stage.look(held), ["iframefalse", "videofalse", "sourcefalse", "scriptfalse"]);
  assert.equal(stage.page.frames().length, 2);
  assert.equal(stage.page.frames()[1].url(), "about:blank");
  await stage.allow(["analytics"]);
  await stage.until("window.ran");
  await stage.until("document.querySelector('iframe').src");
  assert.deepEqual(await stage.look("ran"), ["fragment.js"]);
});

onStage(
  "a_frame_that_was_open_closes_when_its_host_is_no_longer_allowed",
  page(`<iframe id=frame src="${STATS}/frame"></iframe><iframe src="${FRIEND}/frame"></iframe>`, { allowed: ["analytics"] }),
  async (stage) => {
    await stage.page.waitForLoadState();
    await stage.allow([]);
    await settle(stage);
    assert.deepEqual(await attributes(stage, "#frame"), { id: "frame", "data-consent": "analytics", "data-src": `${STATS}/frame` });
    assert.deepEqual(stage.page.frames().slice(1).map((frame) => frame.url()).sort(), ["about:blank", `${FRIEND}/frame`]);
    await stage.allow(["analytics"]);
    await stage.until("frame.src");
  },
);

onStage(
  "pictures_styles_and_media_in_the_markup_are_tagged",
  page(
    `<img src="${STATS}/a.svg" srcset="${STATS}/b.svg 2x" alt=""><video><source src="${STATS}/film.mp4"></video>
     <audio src="${STATS}/sound.mp3"></audio>`,
    { head: `<link rel="stylesheet" href="${STATS}/a.css"><link rel="canonical" href="${STATS}/shoes">` },
  ),
  async (stage) => {
    await settle(stage);
    const held = "Array.from(document.querySelectorAll('[data-consent=analytics]'), (e) => [e.localName, ...e.getAttributeNames().filter((name) => /src|href/.test(name))].join(' '))";
    assert.deepEqual((await stage.look(held)).sort(), ["audio data-src", "img data-src data-srcset", "link data-href", "source data-src"]);
    assert.notEqual(await stage.look("getComputedStyle(document.body).color"), "rgb(1, 2, 3)");
    await stage.allow(["analytics"]);
    await stage.until("getComputedStyle(document.body).color === 'rgb(1, 2, 3)'");
    await stage.until("document.querySelector('video').currentSrc");
  },
);

onStage(
  "what_the_page_has_tagged_itself_is_left_alone",
  page(
    `<script type="text/plain" data-category="statistics" src="${STATS}/theirs.js"></script>
     <iframe id=frame data-consent="films" data-src="${STATS}/frame"></iframe>`,
  ),
  async (stage) => {
    await settle(stage);
    const theirs = { type: "text/plain", "data-category": "statistics", src: `${STATS}/theirs.js` };
    assert.deepEqual(await attributes(stage, "[data-category]"), theirs);
    await Promise.all([stage.page.waitForRequest(`${STATS}/frame`), stage.allow(["films"])]);
    const frame = { id: "frame", "data-consent": "films", "data-src": `${STATS}/frame`, src: `${STATS}/frame` };
    assert.deepEqual(await attributes(stage, "#frame"), frame);
  },
);

/** How a host is meant: address, and the target that it waits for. @type {[string, string | null][]} */
const HOSTS = [
  ["https://stats.test/x", "analytics"],
  ["//stats.test/x", "analytics"],
  ["http://stats.test:8080/x", "analytics"],
  ["https://STATS.test/x", "analytics"],
  ["https://a.b.stats.test/x", "analytics"],
  ["https://ads.stats.test/x", "ads"],
  ["https://eu.ads.stats.test/x", "ads"],
  ["https://mystats.test/x", null],
  ["https://stats.test.friend.test/x", null],
  ["https://friend.test/?to=https://stats.test/", null],
  ["/stats.test/x", null],
  ["data:image/gif,stats.test", null],
  ["https://", null],
];

onStage("a_host_means_itself_and_its_subdomains_and_nothing_that_looks_like_it", page(""), async (stage) => {
  for (const [address, target] of HOSTS) {
    const tag = await stage.look(`Object.assign(new Image(), { src: ${JSON.stringify(address)} }).getAttribute("data-consent")`);
    assert.equal(tag, target, address);
  }
});

onStage("a_request_by_script_fails_until_its_host_is_allowed", page(""), async (stage) => {
  await stage.look(`window.tryAll = async (url) => [
    await fetch(url).then(() => "fetched", (error) => error.name + ": " + error.message),
    await fetch(new Request(url)).then(() => "fetched", (error) => error.name),
    await fetch(new URL(url)).then(() => "fetched", (error) => error.name),
    await new Promise((resolve) => {
      const states = [];
      const request = new XMLHttpRequest();
      request.onreadystatechange = () => states.push(request.readyState);
      request.onloadend = (event) => resolve([states.at(-1), request.status]);
      request.onerror = () => states.push("error");
      request.open("POST", url);
      request.setRequestHeader("Content-Type", "text/plain");
      request.send("body");
    }),
    (() => { try { const r = new XMLHttpRequest(); r.open("GET", url, false); r.send(); return r.status } catch (error) { return error.name } })(),
    navigator.sendBeacon(url, "body"),
  ]`);
  const message = `TypeError: consentry: held back until analytics is allowed: ${STATS}/api`;
  const failed = [message, "TypeError", "TypeError", ["error", 0], "NetworkError", false];
  const done = ["fetched", "fetched", "fetched", [4, 200], 200, true];
  assert.deepEqual(await stage.look(`tryAll("${STATS}/api")`), failed);
  assert.deepEqual(stage.requests, []);
  assert.deepEqual(await stage.look(`tryAll("${HOST}/own.js")`), done);
  await stage.allow(["analytics"]);
  assert.deepEqual(await stage.look(`tryAll("${STATS}/api")`), done);
  await stage.allow([]);
  assert.deepEqual(await stage.look(`tryAll("${STATS}/api")`), failed);
});

const TRUSTED = {
  headers: { "Content-Security-Policy": "require-trusted-types-for 'script'; trusted-types page" },
  head: `<script>window.page = trustedTypes.createPolicy("page", { createScriptURL: (url) => url })</script>`,
};

onStage("under_trusted_types_the_pages_own_values_keep_working", page("", TRUSTED), async (stage) => {
  await stage.look(`{
    for (const url of ["${FRIEND}/friend.js", "${STATS}/made.js"]) {
      const script = document.createElement("script");
      script.src = page.createScriptURL(url);
      document.head.append(script);
    }
    const script = document.createElement("script");
    script.setAttribute("src", page.createScriptURL("${STATS}/attribute.js"));
    document.head.append(script);
  }`);
  await stage.until("window.ran");
  await settle(stage);
  assert.deepEqual(await stage.look("ran"), ["friend.js"]);
  const refused = `(() => { try { document.createElement("script").src = "${FRIEND}/a.js" } catch (error) { return error.name } })()`;
  assert.equal(await stage.look(refused), "TypeError");
  await stage.allow(["analytics"]);
  await stage.until("ran.length === 3");
  assert.deepEqual(stage.errors, []);
});

onStage(
  "a_second_tag_guards_nothing_twice",
  page("", { head: `<script>window.once = fetch</script><script src="https://consent.test/shop.js"></script>` }),
  async (stage) => {
    assert.equal(await stage.look("once === fetch"), true);
  },
);
