/**
 * What other consent widgets were seen to do badly, one test each, in the order and by the numbers of our own notes (N1 to
 * N26): on the real server, in banner and preference centre both.
 *
 * Deliberately absent: timings, which a shared machine does not tell truly.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchBrowser } from "./harness.js";
import { BODY, assertInView, focused, look, startSite, violations, visit } from "./everything.js";

/** @import { Browser, BrowserContextOptions, Locator, Page } from "playwright-core" */
/** @import { Setting, Visit } from "./everything.js" */

/** @type {Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof startSite>>} */
let site;

before(async () => {
  [browser, site] = await Promise.all([launchBrowser(), startSite()]);
});

after(async () => {
  await browser?.close();
  await site?.stop();
});

/** @param {string} name @param {Setting} setting @param {(visit: Visit) => Promise<void>} body */
function onPage(name, setting, body) {
  test(name, async () => {
    const visitor = await visit(browser, site.url, setting);
    try {
      await body(visitor);
    } finally {
      await visitor.close();
    }
  });
}

const PHONE = { width: 320, height: 640 };
const LOW = { width: 320, height: 256 };
const GATED = `${BODY}<script type="text/plain" data-consent="analytics">window.gated = true</script>`;
const STRICT_CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; img-src data:";
const PURPOSES = ["AI training", "AI processors", "Marketing", "Analytics cookies", "Preference cookies", "Advertising", "Social embeds"];
const EXPLAINED = [
  "We use your prompts and pictures to improve our own models.",
  "We hand your prompts and pictures to the processors you allow here, each one by itself.",
  "We send you news and offers by e-mail.",
  "We set a cookie and count which pages are visited.",
  "We set a cookie to remember how you like the page.",
  "We show you advertising on other sites by what you looked at here.",
  "Posts and videos of other sites are loaded from there.",
  "We keep your account safe.",
];
const FIRST = ["Accept all", "Refuse all", "Choose"];
const SECOND = ["Accept all", "Refuse all", "Save choice"];

/** @param {Locator} place @param {string[]} names */
const buttons = (place, names) => names.map((name) => place.getByRole("button", { name, exact: true }));

/** @param {Locator} place @param {string} property */
const styleOf = (place, property) => place.evaluate((element, property) => getComputedStyle(element).getPropertyValue(property), property);

onPage(
  "n1_global_privacy_control_is_honoured_by_itself_and_said_to_be",
  { early: () => Object.defineProperty(navigator, "globalPrivacyControl", { value: true }) },
  async ({ banner, press, open, can }) => {
    const said = "Your browser asks sites not to sell or share your data. We have done so.";
    assert.ok(await banner.getByText(said).isVisible());
    await press("Accept all");
    for (const target of ["ads", "social"]) assert.equal(await can(target), false, target);
    assert.equal(await can("analytics"), true);
    const centre = await open("Privacy");
    assert.ok(await centre.getByText(said).isVisible());
    assert.equal(await centre.getByRole("switch", { name: "Advertising", exact: true }).getAttribute("aria-checked"), "false");
  },
);

onPage(
  "n2_google_consent_mode_has_its_default_before_any_tag_and_an_update_at_each_choice",
  { head: `<script>window.dataLayer = []; function gtag() { dataLayer.push(arguments) } gtag("js", 0); gtag("config", "G-1")</script>` },
  async ({ page, press, open }) => {
    const said = () => page.evaluate(() => /** @type {any} */ (window).dataLayer.map((/** @type {IArguments} */ words) => [...words]));
    const denied = Object.fromEntries(["ad_storage", "ad_user_data", "ad_personalization", "analytics_storage", "functionality_storage", "personalization_storage"].map((name) => [name, "denied"]));
    const [first, ...rest] = await said();
    assert.deepEqual(first, ["consent", "default", { ...denied, security_storage: "granted", wait_for_update: 500 }]);
    assert.equal(rest.at(-2)[0], "js", "what the page had queued comes after it");
    await press("Accept all");
    const granted = Object.fromEntries(Object.keys(denied).map((name) => [name, "granted"]));
    assert.deepEqual((await said()).at(-1), ["consent", "update", granted]);
    const centre = await open("Privacy");
    await centre.getByRole("switch", { name: "Analytics cookies", exact: true }).click();
    await press("Save choice");
    assert.deepEqual((await said()).at(-1), ["consent", "update", { ...granted, analytics_storage: "denied" }]);
  },
);

onPage(
  "n3_banner_gate_and_preferences_work_under_strict_trusted_types",
  { body: GATED, csp: "require-trusted-types-for 'script'; trusted-types consentry" },
  async ({ page, open, errors }) => {
    const centre = await open();
    await centre.getByRole("button", { name: "Accept all" }).click();
    await page.waitForFunction(() => "gated" in window);
    assert.deepEqual(errors, []);
  },
);

onPage("n4_banner_and_preferences_work_under_a_strict_policy", { csp: STRICT_CSP }, async ({ press, open, centre, can, errors }) => {
  await open();
  await press("Save choice");
  await centre.waitFor({ state: "detached" });
  await open("Privacy");
  await centre.getByRole("button", { name: "Accept all" }).click();
  await press("Yes, switch it on"); // Advertising had been refused before (R27).
  assert.equal(await can("analytics"), true);
  assert.deepEqual(errors, []);
});

onPage("n4_banner_and_refusal_need_no_webassembly", { csp: STRICT_CSP.replace(" 'wasm-unsafe-eval'", "") }, async ({ page, banner, press, can }) => {
  await press("Choose");
  await banner.getByText("That did not work. Accepting and refusing still do.").waitFor();
  await press("Refuse all");
  await banner.waitFor({ state: "detached" });
  assert.equal(await can("security"), true);
  assert.notEqual(await page.evaluate(() => consentry.subject), null);
});

onPage("n5_both_layers_follow_the_colour_scheme", { context: { colorScheme: "light" } }, async ({ page, banner, open }) => {
  const centre = await open();
  for (const layer of [banner, centre]) {
    await page.emulateMedia({ colorScheme: "light" });
    assert.equal(await styleOf(layer, "background-color"), "rgb(255, 255, 255)");
    await page.emulateMedia({ colorScheme: "dark" });
    assert.equal(await styleOf(layer, "background-color"), "rgb(27, 27, 31)");
    assert.equal(await styleOf(layer, "color"), "rgb(243, 243, 245)");
  }
});

onPage("n6_both_layers_are_absent_in_print", {}, async ({ page, banner, open }) => {
  const centre = await open();
  for (const layer of [banner, centre]) {
    await page.emulateMedia({ media: "screen" });
    assert.equal(await layer.isVisible(), true);
    await page.emulateMedia({ media: "print" });
    assert.equal(await layer.isVisible(), false);
  }
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).overflow), "visible", "the page is printed whole");
});

test("n7_text_follows_a_root_font_of_200_percent", async () => {
  /** @param {string} head */
  const sizes = async (head) => {
    const { page, banner, open, close } = await visit(browser, site.url, { head });
    const centre = await open();
    const all = await Promise.all([banner, centre].map((layer) => layer.locator("h2, p:visible, button:not([role])").evaluateAll((elements) =>
      elements.map((element) => [element.localName, parseFloat(getComputedStyle(element).fontSize)]))));
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, "nothing scrolls sideways");
    for (const button of buttons(centre, SECOND)) {
      await button.scrollIntoViewIfNeeded();
      await assertInView(page, button, "one of the three buttons");
    }
    await close();
    // A narrow banner takes the smaller size of text.
    return { buttons: all.flat().filter(([name]) => name === "button"), titles: all.flat().filter(([name]) => name === "h2"), centre: all[1] };
  };
  const [calm, large] = [await sizes(""), await sizes("<style>html { font-size: 200% }</style>")];
  for (const part of /** @type {const} */ (["buttons", "titles", "centre"])) {
    assert.deepEqual(large[part].map(([, size]) => size), calm[part].map(([, size]) => Number(size) * 2), part);
  }
});

onPage("n8_at_320_by_256_the_title_is_in_view_and_save_can_be_reached", { context: { viewport: LOW } }, async ({ page, banner, open, press, centre }) => {
  await assertInView(page, banner.getByRole("heading"), "the banner's title");
  await assertInView(page, banner, "the banner");
  await open();
  for (const name of ["Close", ...SECOND]) {
    const button = centre.getByRole("button", { name, exact: true });
    await button.scrollIntoViewIfNeeded();
    await assertInView(page, button, name);
  }
  await press("Save choice");
  await centre.waitFor({ state: "detached" });
});

const HOSTILE = `<style>
  html { color: red; text-align: right; text-transform: uppercase }
  * { font: 28px/3 serif !important; letter-spacing: 1em !important; text-indent: 4em !important; color: red !important;
      visibility: hidden !important; opacity: 0.1 !important; direction: rtl !important; width: 40px !important;
      margin: 50px !important; padding: 9px !important; box-sizing: content-box !important; transform: scale(2) !important;
      word-spacing: 3em !important; white-space: nowrap !important; cursor: help !important; pointer-events: none !important }
  html { font-size: 100% !important; width: auto !important; margin: 0 !important; padding: 0 !important; transform: none !important;
    visibility: visible !important; opacity: 1 !important }
  #privacy { visibility: visible !important; pointer-events: auto !important }
  button { font-size: 28px !important; border: 9px solid lime !important; background: black !important }
  dialog, section { display: none !important }
  :root { --ink: red; --paper: red; --raised: red; --line: red; --hair: red; --accent: red; --radius: 40px }
</style>`;

test("n9_hostile_css_changes_neither_the_accept_button_nor_the_centres", async () => {
  /** @param {string} head */
  const accepts = async (head) => {
    const { page, banner, open, close } = await visit(browser, site.url, { head });
    const measure = async (/** @type {Locator} */ layer) => {
      await page.mouse.move(0, 0);
      return layer.getByRole("button", { name: "Accept all" }).evaluate((button) => {
        const { x, y, width, height } = button.getBoundingClientRect();
        const style = getComputedStyle(button);
        const rules = [...style].filter((name) => !name.startsWith("--")).map((name) => [name, style.getPropertyValue(name)]);
        return { box: { x, y, width, height }, rules: Object.fromEntries(rules) };
      });
    };
    const first = await measure(banner);
    const second = await measure(await open());
    await close();
    return { first, second };
  };
  const [calm, hostile] = [await accepts(""), await accepts(HOSTILE)];
  for (const layer of /** @type {const} */ (["first", "second"])) {
    assert.deepEqual(hostile[layer].box, calm[layer].box, layer);
    assert.deepEqual(hostile[layer].rules, calm[layer].rules, layer);
  }
});

onPage("n10_included_twice_it_is_there_once", { tags: 2 }, async ({ page, banner, open, centre, press }) => {
  await page.waitForLoadState();
  assert.equal(await page.locator("consentry-banner").count(), 1);
  await open();
  assert.equal(await centre.count(), 1);
  await press("Save choice");
  await centre.waitFor({ state: "detached" });
  assert.equal(await banner.count(), 0);
  const { choices } = await page.evaluate(() => JSON.parse(localStorage["consentry:everything"]));
  assert.equal(choices.length, 1);
});

/** As a browser does where its person has blocked site data. */
function blockStorage() {
  for (const name of ["localStorage", "sessionStorage", "indexedDB"]) {
    Object.defineProperty(window, name, {
      get() {
        throw new DOMException("blocked", "SecurityError");
      },
    });
  }
  const refuse = () => {
    throw new DOMException("blocked", "SecurityError");
  };
  Object.defineProperty(document, "cookie", { get: refuse, set: refuse });
}

onPage("n11_with_all_storage_blocked_banner_gate_and_preferences_work", { body: GATED, early: blockStorage }, async ({ page, banner, open, centre, press, can, errors }) => {
  await press("Accept all");
  await banner.waitFor({ state: "detached" });
  await page.waitForFunction(() => "gated" in window);
  await open("Privacy");
  // Not all of it: what the policy reloads the page for is another matter.
  const marketing = centre.getByRole("switch", { name: "Marketing", exact: true });
  assert.equal(await marketing.getAttribute("aria-checked"), "true");
  await marketing.click();
  await centre.getByRole("button", { name: "Save choice" }).click();
  assert.equal(await can("marketing"), false);
  assert.deepEqual(errors, []);
});

const LONG = `${BODY}<div id="long"></div>`;
const LONG_STYLE = "<style>#long { height: 4000px }</style>";

onPage("n12_only_what_makes_the_page_behind_inert_claims_to_be_modal", { head: LONG_STYLE, body: LONG }, async ({ page, banner, open, centre }) => {
  const scrolled = () => page.evaluate(() => scrollY);
  assert.equal(await banner.getAttribute("aria-modal"), null);
  await page.mouse.move(400, 60);
  await page.mouse.wheel(0, 300);
  await page.waitForFunction(() => scrollY > 0);
  await page.evaluate(() => scrollTo(0, 0));
  await page.locator("#link").click();
  assert.match(page.url(), /#more$/, "the page works beside the banner");

  await page.evaluate(() => scrollTo(0, 0));
  await open();
  assert.ok(await centre.evaluate((dialog) => dialog.matches(":modal")));
  await page.locator("#link").evaluate((link) => link.addEventListener("click", () => (/** @type {any} */ (window).clicked = true)));
  await page.mouse.move(5, 400);
  await page.mouse.wheel(0, 300);
  await page.locator("#link").evaluate((link) => link.focus());
  assert.notEqual(await focused(page), "link", "the page behind takes no focus");
  const box = await page.locator("#link").boundingBox();
  assert.ok(box);
  await page.mouse.click(box.x + 3, box.y + 3);
  assert.equal(await page.evaluate(() => "clicked" in window), false, "nor a click");
  assert.equal(await scrolled(), 0, "nor does it scroll");
});

onPage("n13_the_focus_is_never_lost", {}, async ({ page, open, centre }) => {
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Accept all");
  await page.keyboard.press("Enter");
  assert.equal(await focused(page), "main");
  for (const end of ["Escape", "Close", "Save choice"]) {
    await page.locator("#privacy").focus();
    await page.keyboard.press("Enter");
    await centre.waitFor();
    if (end === "Escape") await page.keyboard.press(end);
    else await centre.getByRole("button", { name: end, exact: true }).press("Enter");
    await centre.waitFor({ state: "detached" });
    assert.equal(await focused(page), "privacy", end);
  }
});

onPage("n13_after_a_choice_in_the_centre_that_the_banner_opened_it_is_not_lost_either", {}, async ({ page, open, centre, banner }) => {
  await open();
  await centre.getByRole("button", { name: "Accept all" }).press("Enter");
  await banner.waitFor({ state: "detached" });
  assert.equal(await focused(page), "main");
});

onPage("n14_escape_closes_the_preferences_and_chooses_nothing", {}, async ({ page, banner, open, centre }) => {
  await open();
  await page.keyboard.press("Escape");
  await centre.waitFor({ state: "detached" });
  assert.ok(await banner.isVisible());
  assert.equal(await page.evaluate(() => localStorage.length), 0);
});

onPage("n15_the_focus_stays_in_the_preferences", {}, async ({ page, open, centre }) => {
  await open();
  const count = await centre.locator("button, a[href]").count();
  for (const key of ["Tab", "Shift+Tab"]) {
    for (let presses = 0; presses < count + 5; presses++) {
      await page.keyboard.press(key);
      const where = await page.evaluate(() => {
        const active = document.activeElement;
        if (active === document.body || active === document.documentElement) return "the browser's own";
        return active?.localName;
      });
      assert.ok(where === "consentry-centre" || where === "the browser's own", `${where} after ${presses + 1} of ${key}`);
    }
  }
});

onPage("n16_the_banner_does_not_trap_the_focus", {}, async ({ page }) => {
  /** @type {string[]} */
  const order = [];
  for (let presses = 0; presses < 5; presses++) {
    await page.keyboard.press("Tab");
    order.push(await focused(page));
  }
  assert.deepEqual(order, [...FIRST, "link", "privacy"]);
  for (let presses = 0; presses < 4; presses++) await page.keyboard.press("Shift+Tab");
  assert.equal(await focused(page), "Accept all");
});

onPage("n17_the_states_of_a_switch_differ_in_forced_colours", { context: { forcedColors: "active" } }, async ({ page, open }) => {
  const centre = await open();
  const one = centre.getByRole("switch", { name: "Marketing", exact: true });
  const state = () => one.evaluate((element) => {
    const knob = element.querySelector("i");
    assertIsElement(knob);
    const { x, width } = knob.getBoundingClientRect();
    const glyph = getComputedStyle(knob, "::after");
    const [track, inside] = [getComputedStyle(element), getComputedStyle(knob)];
    return {
      knob: Math.round(x - element.getBoundingClientRect().x),
      size: Math.round(width),
      glyph: [glyph.width, glyph.height, glyph.transform],
      colours: [track.backgroundColor, inside.backgroundColor],
      border: [track.borderTopStyle, track.borderTopWidth],
      word: element.previousElementSibling?.textContent,
    };
    /** @param {unknown} element @returns {asserts element is Element} */
    function assertIsElement(element) {
      if (!(element instanceof Element)) throw new Error("the switch has no knob");
    }
  });
  const off = await state();
  await one.click();
  await page.mouse.move(0, 0);
  const on = await state();
  assert.ok(on.knob - off.knob >= 10, `the knob goes from ${off.knob} to ${on.knob} px`);
  assert.notDeepEqual(on.glyph, off.glyph);
  assert.deepEqual([off.word, on.word], ["Off", "On"]);
  for (const { colours, border, size } of [off, on]) {
    assert.notEqual(colours[0], colours[1], "the knob can be seen on its track");
    assert.deepEqual(border, ["solid", "2px"]);
    assert.ok(size >= 16);
  }
});

onPage("n18_nothing_moves_under_reduced_motion", { context: { reducedMotion: "reduce" } }, async ({ page, banner, open, centre }) => {
  const still = async (/** @type {Locator} */ layer) => {
    const moving = await layer.evaluate((layer) => [layer, ...layer.querySelectorAll("*")].filter((element) => {
      const { animationName, transitionDuration, scrollBehavior } = getComputedStyle(element);
      return animationName !== "none" || !/^0s(, 0s)*$/.test(transitionDuration) || scrollBehavior !== "auto";
    }).map(({ outerHTML }) => outerHTML));
    assert.deepEqual(moving, []);
    assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  };
  await still(banner);
  await open();
  await still(centre);
  await centre.getByRole("switch", { name: "Marketing", exact: true }).click();
  await still(centre);
});

for (const [name, lang, context] of /** @type {[string, string, BrowserContextOptions][]} */ ([
  ["light", "en", { colorScheme: "light" }],
  ["dark", "en", { colorScheme: "dark" }],
  ["right_to_left", "ar", {}],
  ["right_to_left_dark", "ar", { colorScheme: "dark" }],
  ["320_px", "en", { viewport: PHONE }],
  ["320_px_right_to_left", "ar", { viewport: PHONE }],
])) {
  onPage(`n19_axe_finds_nothing_in_${name}`, { lang, context }, async ({ page, banner, centre }) => {
    assert.equal(await banner.getAttribute("dir"), lang === "ar" ? "rtl" : "ltr");
    assert.deepEqual(await violations(page), [], "banner");
    await banner.getByRole("button").nth(2).click();
    await centre.waitFor();
    await centre.getByRole("switch").nth(1).click();
    assert.deepEqual(await violations(page), [], "centre");
  });
}

for (const [name, context] of /** @type {[string, BrowserContextOptions][]} */ ([
  ["light", {}],
  ["dark", { colorScheme: "dark" }],
  ["320_px", { viewport: PHONE }],
  ["forced_colours", { forcedColors: "active" }],
])) {
  onPage(`n20_n21_all_three_buttons_are_alike_in_both_layers_in_${name}`, { context }, async ({ page, banner, open }) => {
    for (const [layer, names] of /** @type {const} */ ([["first", FIRST], ["second", SECOND]])) {
      const place = layer === "first" ? banner : await open();
      await page.mouse.move(0, 0);
      const [accept, ...others] = await Promise.all(buttons(place, [...names]).map(look));
      for (const [at, other] of others.entries()) assert.deepEqual(other, accept, names[at + 1]);
      assert.ok(accept.height >= 44);
    }
  });
}

onPage("n22_refuse_all_is_there_after_the_first_choice_too", {}, async ({ page, press, open, centre, can, saved }) => {
  await press("Accept all");
  await saved();
  await page.reload();
  await page.waitForFunction(() => "consentry" in window);
  await open("Privacy");
  const refuse = centre.getByRole("button", { name: "Refuse all", exact: true });
  await assertInView(page, refuse, "Refuse all");
  const loaded = page.waitForEvent("load"); // As this policy has it where "social" is withdrawn.
  await refuse.click();
  await loaded;
  for (const target of ["ai-training", "downstream-ai/painter", "analytics", "ads"]) assert.equal(await can(target), false, target);
});

onPage("n23_every_purposes_text_is_visible_with_nothing_to_expand", {}, async ({ page, banner, open }) => {
  assert.equal(await banner.getByRole("listitem").count(), PURPOSES.length);
  for (const line of await banner.getByRole("listitem").all()) assert.ok(await line.isVisible());
  const centre = await open();
  for (const name of PURPOSES) assert.ok(await centre.getByRole("switch", { name, exact: true }).isVisible(), name);
  for (const text of EXPLAINED) assert.ok(await centre.getByText(text, { exact: true }).first().isVisible(), text);
  assert.equal(await page.locator("details, [aria-expanded], [aria-controls]").count(), 0);
});

onPage("n24_a_withdrawal_reloads_the_page_only_where_the_policy_says_so", {}, async ({ page, press, open, centre, can, saved }) => {
  await press("Accept all");
  await saved();
  await page.evaluate(() => (/** @type {any} */ (window).here = true));
  await open("Privacy");
  for (const name of PURPOSES.filter((name) => name !== "Social embeds")) await centre.getByRole("switch", { name, exact: true }).click();
  await press("Save choice");
  await saved();
  assert.deepEqual([await can("analytics"), await can("social")], [false, true]);
  assert.equal(await page.evaluate(() => "here" in window), true);
  await open("Privacy");
  const loaded = page.waitForEvent("load");
  await centre.getByRole("switch", { name: "Social embeds", exact: true }).click();
  await press("Save choice");
  await loaded;
  assert.equal(await page.evaluate(() => "here" in window), false);
  assert.equal(await page.evaluate(() => consentry.can("social")), false);
});

test("n25_a_page_without_signals_gets_one_global", async () => {
  const adforge = await startSite("policies/adforge");
  /** @param {Visit} visit */
  const globals = ({ page }) => page.evaluate(() => Object.getOwnPropertyNames(window));
  const visitor = await visit(browser, adforge.url, { site: "adforge" });
  try {
    await visitor.open();
    await visitor.centre.getByRole("button", { name: "Accept all" }).click();
    await visitor.saved();
    const with_ = await globals(visitor);
    await visitor.page.route(`${adforge.url}/bare`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><html lang=en>" }));
    await visitor.page.goto(`${adforge.url}/bare`);
    const without = await globals(visitor);
    // Elements with an id are globals too: the page's own.
    assert.deepEqual(with_.filter((name) => !without.includes(name) && !["link", "privacy"].includes(name)), ["consentry"]);
  } finally {
    await visitor.close();
    await adforge.stop();
  }
});

onPage("n26_one_tab_reaches_accept", { head: LONG_STYLE, body: `<nav>${'<a href="#a">A</a> '.repeat(9)}</nav>${LONG}` }, async ({ page }) => {
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Accept all");
});

/** Notes what shifts, from the start. */
function watchShifts() {
  /** @type {PerformanceEntry[]} */
  const shifts = (/** @type {any} */ (window).shifts = []);
  new PerformanceObserver((list) => shifts.push(...list.getEntries())).observe({ type: "layout-shift", buffered: true });
}

onPage("nothing_shifts_on_a_first_visit", { body: LONG, head: LONG_STYLE, early: watchShifts }, async ({ page, open, centre }) => {
  await open();
  await centre.getByRole("button", { name: "Accept all" }).click();
  await centre.waitFor({ state: "detached" });
  // One that the page makes itself: when that is known, so is all that came before it.
  const ours = await page.evaluate(async () => {
    const { shifts } = /** @type {any} */ (window);
    const frame = () => new Promise((next) => requestAnimationFrame(next));
    const begun = performance.now();
    while (!shifts.some((/** @type {any} */ { startTime }) => startTime >= begun)) {
      const first = document.createElement("h2");
      first.textContent = "Pushes the rest";
      document.body.prepend(first);
      await frame();
    }
    return shifts.filter((/** @type {any} */ { startTime }) => startTime < begun).map((/** @type {any} */ { value }) => value);
  });
  assert.deepEqual(ours, []);
});
