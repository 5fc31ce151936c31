/** The second layer: the preference centre in a real browser, on pages of the server's own origin. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { launchBrowser, startHouse } from "./harness.js";
import { corpusFile } from "./corpus-files.js";

/** @import { Browser, BrowserContextOptions, Locator, Page } from "playwright-core" */

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const STRICT_CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'";

/** @type {Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof startHouse>>} */
let house;

before(async () => {
  [browser, house] = await Promise.all([launchBrowser(), startHouse()]);
});

after(async () => {
  await browser?.close();
  await house?.stop();
});

/**
 * A page that the server's own origin is made to have, so that `'self'` is what the issue of a policy means by it.
 *
 * @param {{ csp?: string, body?: string, head?: string, lang?: string, context?: BrowserContextOptions }} [setting]
 */
async function openPage({ csp = STRICT_CSP, body = "<p>A page.</p>", head = "", lang = "en", context: options } = {}) {
  const context = await browser.newContext({ bypassCSP: false, ...options });
  const page = await context.newPage();
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  const html = `<!doctype html><html lang="${lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <title>Page</title>${head}<script src="/adforge.js?lang=${lang}" async></script></head>
    <body><main><h1>Page</h1>${body}</main><footer><button data-consentry="open">Privacy</button></footer></body></html>`;
  await page.route(`${house.server.url}/page`, (route) =>
    route.fulfill({ contentType: "text/html; charset=utf-8", headers: { "Content-Security-Policy": csp }, body: html }),
  );
  await page.addInitScript(() => {
    window.heard = [];
    document.addEventListener("consentry:sync", (event) => window.heard.push(["sync", event.detail]));
  });
  await page.goto(`${house.server.url}/page`);
  return { context, page, errors };
}

/** Settles when the server has the latest choice. @param {Page} page */
const saved = (page) => page.waitForFunction(() => window.heard.at(-1)?.[1].state === "saved");

/** @param {Page} page @param {{ banner?: boolean }} [how] */
async function openCentre(page, { banner = true } = {}) {
  const opener = banner ? /^(Choose|Auswählen)$/ : /^Privacy$/;
  await page.getByRole("button", { name: opener }).click();
  const centre = page.getByRole("dialog");
  await centre.waitFor();
  return centre;
}

/** axe looks into open shadow roots; only how it gets into the page is ours. @param {Page} page */
async function violations(page) {
  // Through the debugger, which no policy of the page's binds.
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const results = await window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
  });
}

test("works_under_a_strict_policy_and_axe_finds_nothing_in_light_dark_and_at_320_px", async () => {
  for (const context of /** @type {BrowserContextOptions[]} */ ([
    { colorScheme: "light" },
    { colorScheme: "dark" },
    { viewport: { width: 320, height: 640 } },
    { viewport: { width: 320, height: 640 }, colorScheme: "dark" },
  ])) {
    const visit = await openPage({ context });
    await visit.page.getByRole("button", { name: "Choose" }).waitFor();
    assert.deepEqual(await violations(visit.page), [], `banner ${JSON.stringify(context)}`);
    await openCentre(visit.page);
    assert.deepEqual(await violations(visit.page), [], `centre ${JSON.stringify(context)}`);
    assert.deepEqual(visit.errors, []);
    await visit.context.close();
  }
});

test("r1_r2_the_three_buttons_of_the_second_layer_weigh_the_same", async () => {
  for (const width of [1280, 320]) {
    const { page, context } = await openPage({ context: { viewport: { width, height: 800 } } });
    const centre = await openCentre(page);
    const buttons = ["Accept all", "Refuse all", "Save choice"].map((name) => centre.getByRole("button", { name, exact: true }));
    // Away from the buttons: one that is pointed at may look so.
    await page.mouse.move(0, 0);
    const looks = await Promise.all(buttons.map(look));
    for (const one of looks) assert.deepEqual(one, looks[0]);
    assert.ok(looks[0].height >= 44, `${looks[0].height} px high`);
    const parents = await Promise.all(buttons.map((one) => one.evaluate((element) => element.parentElement?.children.length)));
    assert.deepEqual(parents, [3, 3, 3]);
    await context.close();
  }
});

/** All that could make one button weigh more than another. @param {Locator} button */
function look(button) {
  return button.evaluate((element) => {
    const { width, height } = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    const { color, backgroundColor, borderColor, borderWidth, fontSize, fontWeight, boxShadow, opacity, textDecorationLine } = style;
    return {
      ...{ width: Math.round(width), height: Math.round(height) },
      ...{ color, backgroundColor, borderColor, borderWidth, fontSize, fontWeight, boxShadow, opacity, textDecorationLine },
    };
  });
}

test("r3_refusing_and_withdrawing_take_no_more_clicks_than_accepting_and_granting", async () => {
  const { page, context } = await openPage();
  await page.getByRole("button", { name: "Refuse all", exact: true }).click();
  const withdraw = await openCentre(page, { banner: false });
  await withdraw.getByRole("button", { name: "Accept all" }).click();
  assert.equal(await page.evaluate(() => consentry.can("marketing")), true);
  await saved(page);
  assert.equal(await page.evaluate(() => consentry.can("marketing")), true, "the server agrees");
  const again = await openCentre(page, { banner: false });
  await again.getByRole("button", { name: "Refuse all" }).click();
  assert.equal(await page.evaluate(() => consentry.can("marketing")), false);
  await context.close();
});

test("r4_nothing_is_switched_on_before_a_choice_and_r13_the_language_is_the_pages", async () => {
  const { page, context } = await openPage({ lang: "de" });
  const centre = await openCentre(page);
  const switches = await centre.getByRole("switch").all();
  assert.equal(switches.length, 8);
  for (const one of switches) assert.equal(await one.getAttribute("aria-checked"), "false");
  assert.equal(await centre.getAttribute("lang"), "de");
  await centre.getByRole("button", { name: "Alle ablehnen" }).click();
  const stored = await page.evaluate(() => JSON.parse(localStorage["consentry:adforge"]));
  assert.equal(stored.choices[0].language, "de");
  await context.close();
});

test("r5_closing_in_any_way_saves_nothing", async () => {
  const { page, context } = await openPage();
  /** @type {((centre: Locator) => Promise<unknown>)[]} */
  const ways = [
    () => page.keyboard.press("Escape"),
    (centre) => centre.getByRole("button", { name: "Close" }).click(),
    () => page.mouse.click(5, 5),
  ];
  for (const close of ways) {
    const centre = await openCentre(page);
    await centre.getByRole("switch", { name: "Marketing" }).click();
    await close(centre);
    await centre.waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    assert.equal(await page.evaluate(() => consentry.can("marketing")), false);
  }
  await page.getByRole("button", { name: "Refuse all" }).waitFor();
  await context.close();
});

test("r36_the_dialog_keeps_the_focus_and_gives_it_back", async () => {
  const { page, context } = await openPage();
  await page.getByRole("button", { name: "Refuse all" }).click();
  const centre = await openCentre(page, { banner: false });
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press("Tab");
    const inside = await page.evaluate(() => {
      const active = document.activeElement;
      return active === document.body || active?.shadowRoot?.activeElement != null;
    });
    assert.ok(inside, `after ${presses + 1} tabs`);
  }
  await page.keyboard.press("Escape");
  await centre.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Privacy");
  await context.close();
});

test("r37_a_switch_is_worked_by_space_and_keeps_its_name", async () => {
  const { page, context } = await openPage();
  const centre = await openCentre(page);
  const marketing = centre.getByRole("switch", { name: "Marketing", exact: true });
  await marketing.focus();
  await page.keyboard.press("Space");
  assert.equal(await marketing.getAttribute("aria-checked"), "true");
  await page.keyboard.press("Space");
  assert.equal(await marketing.getAttribute("aria-checked"), "false");
  await context.close();
});

test("r38_at_320_by_256_every_button_can_be_reached", async () => {
  const { page, context } = await openPage({ context: { viewport: { width: 320, height: 256 } } });
  const centre = await openCentre(page);
  for (const name of ["Accept all", "Refuse all", "Save choice", "Close"]) {
    const button = centre.getByRole("button", { name, exact: true });
    await button.scrollIntoViewIfNeeded();
    const box = await button.boundingBox();
    assert.ok(box && box.y >= 0 && box.y + box.height <= 256 && box.x >= 0 && box.x + box.width <= 320, `${name} ${JSON.stringify(box)}`);
  }
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 320));
  await context.close();
});

test("a_page_that_runs_yew_itself_and_the_centre_leave_each_other_alone", async () => {
  const head = `<script src="/corpus.js"></script><script src="/start.js" defer></script>`;
  const { page, context, errors } = await (async () => {
    const context = await browser.newContext();
    await context.route("**/corpus.js", (route) => route.fulfill({ contentType: "text/javascript", body: corpusFile("corpus.js") }));
    await context.route("**/corpus.wasm", (route) => route.fulfill({ contentType: "application/wasm", body: corpusFile("corpus.wasm") }));
    const start = `wasm_bindgen({ module_or_path: "/corpus.wasm" }).then(() => wasm_bindgen.start_page());`;
    await context.route("**/start.js", (route) => route.fulfill({ contentType: "text/javascript", body: start }));
    const page = await context.newPage();
    /** @type {string[]} */
    const errors = [];
    page.on("pageerror", (error) => errors.push(error.message));
    const html = `<!doctype html><html lang="en"><head><title>Page</title>${head}
      <script src="/adforge.js" async></script></head><body></body></html>`;
    await page.route(`${house.server.url}/page`, (route) => route.fulfill({ contentType: "text/html", body: html }));
    await page.goto(`${house.server.url}/page`);
    return { page, context, errors };
  })();
  const counter = page.locator("#counter");
  await counter.click();
  const centre = await openCentre(page);
  await centre.getByRole("switch", { name: "Marketing" }).click();
  await centre.getByRole("button", { name: "Save choice" }).click();
  await centre.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => consentry.can("marketing")), true);
  assert.equal(await counter.textContent(), "clicked 1 times", "our clicks are not theirs");
  await counter.click();
  await page.getByText("clicked 2 times").waitFor();
  await page.evaluate(() => consentry.open());
  await page.getByRole("dialog").waitFor();
  assert.deepEqual(errors, []);
  await context.close();
});
