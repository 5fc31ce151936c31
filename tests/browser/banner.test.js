/** How the banner looks and behaves: R1 to R5, R36 to R38, and what FIGURES names N3 to N26. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { ARABIC, CONSENTRY, ENGLISH, GERMAN, PLAIN_PAGE, bootDocument, pageWith, stagedTests } from "./stage.js";

/** @import { BrowserContextOptions } from "playwright-core" */
/** @import { Stage } from "./stage.js" */

const onStage = stagedTests();
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const german = bootDocument({ texts: GERMAN, language: "de" });
const arabic = bootDocument({ texts: ARABIC, language: "ar", dir: "rtl" });

/** @param {number} width @param {number} height @param {BrowserContextOptions} [more] */
const screen = (width, height, more) => ({ viewport: { width, height }, ...more });

/** Contrast after WCAG of two colours as Chromium computes them. @param {string} one @param {string} other */
function contrast(one, other) {
  const [bright, dark] = [one, other].map(luminance).toSorted((a, b) => b - a);
  return (bright + 0.05) / (dark + 0.05);
}

/** @param {string} colour `rgb(…)` */
function luminance(colour) {
  const [r, g, b] = (colour.match(/[\d.]+/g) ?? []).map((part) => {
    const value = Number(part) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Every element of the banner: what it is, where it is, and all that is computed of its style. @param {Stage} stage */
function measure(stage) {
  return stage.page.evaluate(() => {
    const root = document.querySelector("consentry-banner")?.shadowRoot;
    return [...(root?.querySelectorAll("*") ?? [])].map((element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      const computed = getComputedStyle(element);
      /** @type {Record<string, string>} */
      const style = {};
      for (const name of computed) style[name] = computed.getPropertyValue(name);
      return { tag: element.localName, text: element.textContent, box: { x, y, width, height }, style };
    });
  });
}

/** @param {Stage} stage */
async function buttons(stage) {
  return (await measure(stage)).filter(({ tag }) => tag === "button");
}

/** Violations that axe finds on the page, and AAA contrast on the banner. @param {Stage} stage @returns {Promise<string[]>} */
async function axe(stage) {
  await stage.page.evaluate(AXE);
  return stage.page.evaluate(async () => {
    const page = await window.axe.run(document, { resultTypes: ["violations"] });
    const enhanced = await window.axe.run("consentry-banner", { runOnly: ["color-contrast-enhanced", "target-size"] });
    return [...page.violations, ...enhanced.violations].map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
  });
}

for (const [name, boot, context] of /** @type {[string, typeof german, BrowserContextOptions][]} */ ([
  ["light", bootDocument(), screen(1280, 800)],
  ["dark", bootDocument(), screen(1280, 800, { colorScheme: "dark" })],
  ["320_px", bootDocument(), screen(320, 640)],
  ["320_px_dark", bootDocument(), screen(320, 640, { colorScheme: "dark" })],
  ["320_x_256", bootDocument(), screen(320, 256)],
  ["german", german, screen(390, 844)],
  ["right_to_left", arabic, screen(1280, 800)],
])) {
  onStage(`r38_axe_finds_nothing_in_${name}`, { boot, context }, async (stage) => {
    assert.deepEqual(await axe(stage), []);
  });

  onStage(`r1_r2_the_three_buttons_are_alike_in_${name}`, { boot, context }, async (stage) => {
    const [accept, refuse, choose, ...none] = await buttons(stage);
    assert.deepEqual(none, []);
    const { texts } = boot;
    assert.deepEqual([accept, refuse, choose].map(({ text }) => text), [texts.accept, texts.refuse, texts.choose]);
    for (const other of [refuse, choose]) {
      assert.equal(other.box.width, accept.box.width);
      assert.equal(other.box.height, accept.box.height);
      assert.deepEqual(other.style, accept.style);
    }
    assert.ok(accept.box.height >= 44);
    assert.ok(contrast(accept.style.color, accept.style["background-color"]) >= 7);
    assert.ok(contrast(accept.style["border-top-color"], accept.style["background-color"]) >= 3);
    const names = await stage.page.getByRole("region", { name: texts.title }).getByRole("button").allTextContents();
    assert.deepEqual(names, [texts.accept, texts.refuse, texts.choose]);
  });
}

onStage("r3_refusing_costs_as_many_clicks_as_accepting", {}, async (stage) => {
  for (const name of ["Accept all", "Refuse all"]) {
    await stage.page.evaluate(() => localStorage.clear());
    await stage.visit();
    await stage.press(name);
    await stage.synced("saved");
    assert.equal(await stage.banner.count(), 0);
  }
});

for (const [name, boot, context, share] of /** @type {[string, typeof german, BrowserContextOptions, number][]} */ ([
  ["desktop", bootDocument(), screen(1280, 800), 0.2],
  ["desktop_german", german, screen(1920, 1080), 0.2],
  ["phone", bootDocument(), screen(390, 844), 0.4],
  ["phone_arabic", arabic, screen(390, 844), 0.4],
  ["anything", german, screen(320, 256), 0.8],
  ["landscape", german, screen(844, 390), 0.8],
])) {
  onStage(`the_banner_keeps_to_its_share_of_a_${name}`, { boot, context }, async (stage) => {
    const box = await stage.banner.boundingBox();
    assert.ok(box && context.viewport);
    assert.ok(box.height <= share * context.viewport.height, `${box.height} px`);
    assert.ok(box.x >= 0 && box.x + box.width <= context.viewport.width);
    assert.ok(box.y + box.height <= context.viewport.height);
  });
}

for (const boot of [bootDocument(), german, arabic]) {
  onStage(`n8_at_320_by_256_all_can_be_reached_in_${boot.language}`, { boot, context: screen(320, 256) }, async (stage) => {
    const title = stage.page.getByRole("heading", { name: boot.texts.title });
    const before = await title.boundingBox();
    for (const [index, text] of [boot.texts.accept, boot.texts.refuse, boot.texts.choose].entries()) {
      await stage.page.keyboard.press("Tab");
      const seen = await inSight(stage, "button", index);
      assert.deepEqual(seen, { focused: true, whole: true, uncovered: true }, text);
    }
    for (const index of boot.texts.lines.keys()) {
      await stage.page.evaluate((index) => {
        const root = document.querySelector("consentry-banner")?.shadowRoot;
        root?.querySelectorAll("li")[index].scrollIntoView({ block: "center" });
      }, index);
      assert.deepEqual(await inSight(stage, "li", index), { focused: false, whole: true, uncovered: true });
    }
    const after = await title.boundingBox();
    assert.ok(before && after && after.y >= 0 && after.y <= before.y + 16, "the title stays");
    const wide = await stage.page.evaluate(() => {
      const region = document.querySelector("consentry-banner")?.shadowRoot?.querySelector("section");
      return (region?.scrollWidth ?? 1) - (region?.clientWidth ?? 0);
    });
    assert.equal(wide, 0, "nothing scrolls sideways");
  });
}

/** @param {Stage} stage @param {string} selector @param {number} index */
function inSight(stage, selector, index) {
  return stage.page.evaluate(
    ({ selector, index }) => {
      const root = document.querySelector("consentry-banner")?.shadowRoot;
      if (!root) throw new Error("no banner");
      const element = root.querySelectorAll(selector)[index];
      const { x, y, width, height } = element.getBoundingClientRect();
      const whole = x >= 0 && y >= 0 && x + width <= innerWidth && y + height <= innerHeight;
      const corners = [y + 2, y + height / 2, y + height - 2];
      const uncovered = corners.every((y) => element.contains(root.elementFromPoint(x + width / 2, y)));
      return { focused: root.activeElement === element, whole, uncovered };
    },
    { selector, index },
  );
}

const HOSTILE = `<style>
  html { color: red; text-align: right; text-transform: uppercase }
  * { font: 28px/3 serif !important; letter-spacing: 1em !important; text-indent: 4em !important; color: red !important;
      visibility: hidden !important; opacity: 0 !important; display: none !important; direction: rtl !important;
      width: 40px !important; margin: 50px !important; padding: 9px !important; box-sizing: content-box !important;
      word-spacing: 3em !important; white-space: nowrap !important; cursor: help !important; pointer-events: none !important }
  html { font-size: 62.5% !important; display: block !important; visibility: visible !important; opacity: 1 !important }
  button { font-size: 28px !important; border: 9px solid lime !important; background: black !important }
  :root { --ink: red; --paper: red; --raised: red; --line: red; --hair: red }
  consentry-banner { top: 0 !important; transform: scale(2) !important; z-index: -1 !important; clip-path: circle(1px) !important }
</style>`;

for (const width of [1280, 320]) {
  onStage(`n9_hostile_css_changes_nothing_at_${width}_px`, { context: screen(width, 800) }, async (stage) => {
    const calm = await measure(stage);
    stage.html = pageWith("<main><h1>Shop</h1></main>", HOSTILE);
    await stage.visit("/hostile");
    await stage.banner.waitFor();
    const hostile = await measure(stage);
    assert.deepEqual(hostile.map(({ box }) => box), calm.map(({ box }) => box));
    for (const [index, { tag, style }] of hostile.entries()) {
      for (const [property, value] of Object.entries(style)) {
        if (!property.startsWith("--")) assert.equal(value, calm[index].style[property], `${property} of <${tag}>`);
      }
    }
    await stage.press("Refuse all");
    assert.equal(await stage.banner.count(), 0);
  });
}

onStage("n7_text_follows_a_larger_root", { html: pageWith(`<main><h1>Shop</h1></main>`, "<style>html { font-size: 200% }</style>") }, async (stage) => {
  const all = await measure(stage);
  const size = Object.fromEntries(all.map(({ tag, style }) => [tag, style["font-size"]]));
  assert.deepEqual([size.h2, size.p, size.li, size.button], ["36px", "28px", "28px", "32px"]);
  for (const { tag, box } of all) assert.ok(box.x >= 0 && box.x + box.width <= 1280, tag);
});

onStage("n4_strict_csp_does_not_disturb_the_banner", { headers: { "Content-Security-Policy": `default-src 'none'; script-src ${CONSENTRY}; style-src 'self'; connect-src ${CONSENTRY}` } }, async (stage) => {
  const [accept] = await buttons(stage);
  assert.equal(accept.style["border-top-left-radius"], "8px");
  await stage.press("Refuse all");
  await stage.synced("saved");
});

onStage("n5_the_banner_follows_the_colour_scheme", {}, async (stage) => {
  const paper = async () => (await measure(stage))[0].style["background-color"];
  assert.equal(await paper(), "rgb(255, 255, 255)");
  await stage.page.emulateMedia({ colorScheme: "dark" });
  assert.equal(await paper(), "rgb(27, 27, 31)");
});

onStage("n6_the_banner_is_absent_in_print", {}, async (stage) => {
  assert.equal(await stage.banner.isVisible(), true);
  await stage.page.emulateMedia({ media: "print" });
  assert.equal(await stage.banner.isVisible(), false);
});

onStage("n17_forced_colours_keep_borders_and_focus", { context: { forcedColors: "active" } }, async (stage) => {
  await stage.page.keyboard.press("Tab");
  const [region, ...rest] = await measure(stage);
  for (const { style } of [region, ...rest.filter(({ tag }) => tag === "button")]) {
    assert.equal(style["border-top-width"], "1px");
    assert.ok(contrast(style["border-top-color"], region.style["background-color"]) >= 3);
  }
  const { style } = rest.filter(({ tag }) => tag === "button")[0];
  assert.equal(style["outline-width"], "3px");
  assert.ok(contrast(style["outline-color"], region.style["background-color"]) >= 3);
});

onStage("n18_nothing_moves", {}, async (stage) => {
  for (const { style } of await measure(stage)) {
    assert.equal(style["animation-name"], "none");
    assert.match(style["transition-duration"], /^0s/);
  }
  assert.deepEqual(await stage.page.evaluate(() => document.getAnimations().length), 0);
});

onStage("the_accent_marks_focus_and_no_button", { html: pageWith("<main><h1>Shop</h1></main>", "<style>html { --consentry-accent: rgb(200, 0, 100) }</style>") }, async (stage) => {
  const accent = "rgb(200, 0, 100)";
  for (const { style } of await buttons(stage)) assert.ok(![style["background-color"], style.color, style["border-top-color"]].includes(accent));
  await stage.page.keyboard.press("Tab");
  const [focused] = await buttons(stage);
  assert.equal(focused.style["outline-color"], accent);
  assert.equal(focused.style["outline-style"], "solid");
});

onStage("n13_n16_n26_one_tab_reaches_accept_none_is_trapped_and_focus_goes_back", {}, async (stage) => {
  const focused = () => stage.page.evaluate(() => {
    const { activeElement } = document;
    return activeElement?.shadowRoot?.activeElement?.textContent ?? activeElement?.id ?? activeElement?.localName;
  });
  assert.equal(await focused(), "", "the banner takes no focus");
  /** @type {(string | undefined)[]} */
  const order = [];
  for (let tabs = 0; tabs < 5; tabs++) {
    await stage.page.keyboard.press("Tab");
    order.push(await focused());
  }
  assert.deepEqual(order, ["Accept all", "Refuse all", "Choose", "link", "privacy"]);
  await stage.page.locator("#link").focus();
  await stage.page.keyboard.press("Shift+Tab");
  await stage.page.keyboard.press("Shift+Tab");
  assert.equal(await focused(), "Refuse all");
  await stage.page.keyboard.press("Enter");
  assert.equal(await stage.banner.count(), 0);
  assert.equal(await focused(), "link");
});

onStage("focus_that_came_from_nowhere_goes_to_the_main_part", {}, async (stage) => {
  await stage.page.keyboard.press("Tab");
  await stage.page.keyboard.press("Space");
  assert.equal(await stage.page.evaluate(() => document.activeElement?.localName), "main");
  await stage.page.keyboard.press("Tab");
  assert.equal(await stage.page.evaluate(() => document.activeElement?.id), "link");
  assert.equal(await stage.page.locator("main").getAttribute("tabindex"), null);
});

onStage(
  "what_tab_reaches_is_not_hidden_behind_the_banner",
  { html: pageWith(`<main><h1>Shop</h1>${Array.from({ length: 60 }, (_, n) => `<p><a href="#">Link ${n}</a></p>`).join("")}</main>`) },
  async (stage) => {
    await stage.page.waitForFunction(() => document.documentElement.style.scrollPaddingBottom !== "");
    for (let tabs = 0; tabs < 40; tabs++) await stage.page.keyboard.press("Tab");
    const edge = (await stage.banner.boundingBox())?.y ?? 0;
    await stage.page.waitForFunction((edge) => {
      const box = document.activeElement?.getBoundingClientRect();
      return document.activeElement?.localName === "a" && box && box.bottom <= edge;
    }, edge);
    await stage.press("Refuse all");
    await stage.page.waitForFunction(() => document.documentElement.style.scrollPaddingBottom === "");
  },
);

onStage("n12_the_page_stays_usable_and_the_region_claims_no_modality", {}, async (stage) => {
  const region = stage.page.getByRole("region", { name: ENGLISH.title });
  assert.equal(await region.getAttribute("aria-modal"), null);
  await stage.page.locator("#link").click();
  await stage.page.waitForURL("**/more");
});

onStage("a_banner_that_a_privacy_tool_removes_leaves_a_working_page", {}, async (stage) => {
  await stage.page.evaluate(() => document.querySelector("consentry-banner")?.remove());
  await stage.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  assert.equal(await stage.banner.count(), 0);
  assert.deepEqual(await stage.allowed(), stage.boot.allowed.nothing);
  await stage.page.waitForFunction(() => document.documentElement.style.scrollPaddingBottom === "");
  await stage.page.locator("#link").click();
  await stage.page.waitForURL("**/more");
  assert.deepEqual(stage.errors, []);
});

onStage("a_choice_made_offline_says_where_it_is_and_goes", { stay: true }, async (stage) => {
  await stage.page.clock.install();
  await stage.visit();
  await stage.banner.waitFor();
  stage.answer = () => "offline";
  await stage.context.setOffline(true);
  await stage.press("Accept all");
  const status = stage.page.getByRole("status");
  assert.equal(await status.textContent(), ENGLISH.offline);
  assert.equal(await stage.page.getByRole("button", { name: "Accept all" }).count(), 0);
  assert.deepEqual(await axe(stage), []);
  await stage.page.clock.runFor(8000);
  await stage.banner.waitFor({ state: "detached" });
});

onStage("r13_language_and_direction_are_the_boot_documents", { boot: arabic, html: PLAIN_PAGE }, async (stage) => {
  const region = stage.page.locator("consentry-banner section");
  assert.equal(await region.getAttribute("lang"), "ar");
  const [accept, , choose] = await buttons(stage);
  assert.ok(accept.box.x > choose.box.x, "mirrored, in the same order");
});
