/**
 * The preference centre beyond its switches: tables, second steps, sections, places in the page. What only a browser shows.
 *
 * The pages load the widget alone and send it the loader's events themselves, on the server's own origin and under a strict policy.
 *
 * Deliberately absent: the loader, and what it does with what the widget says; that is in `journey.test.js`.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { freePort, launchBrowser, startServer, temporaryFolder } from "./harness.js";

/** @import { Browser, BrowserContextOptions, Locator, Page } from "playwright-core" */

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const STRICT_CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'none'; connect-src 'self'";
const HOUR_MS = 3_600_000;

/** @type {Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof temporaryFolder>>} */
let folder;

before(async () => {
  folder = await temporaryFolder();
  const port = await freePort();
  [browser, server] = await Promise.all([
    launchBrowser(),
    startServer({ folder: folder.path, origin: `http://127.0.0.1:${port}`, port }),
  ]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await folder?.remove();
});

/**
 * A page on which the widget runs and listens. `html` stands in its body.
 *
 * @param {{ site?: string, lang?: string, body?: string, head?: string, csp?: string, context?: BrowserContextOptions }} [setting]
 */
async function stage({ site = "adforge", lang = "en", body = "<p>A page.</p>", head = "", csp = STRICT_CSP, context: options } = {}) {
  const script = await (await fetch(`${server.url}/${site}.js?lang=${lang}`)).text();
  /** @param {RegExp} form */
  const asset = (form) => {
    const found = form.exec(script);
    assert.ok(found, `the boot document of ${site} names ${form}`);
    return found[0];
  };
  const [js, wasm] = [asset(/\/assets\/widget\.[0-9a-f]+\.js/), asset(/\/assets\/widget\.[0-9a-f]+\.wasm/)];
  const centre = asset(new RegExp(`/assets/${site}\\.${lang}\\.[a-z-]+\\.[0-9a-f]+\\.json`));
  const context = await browser.newContext(options);
  const page = await context.newPage();
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  const html = `<!doctype html><html lang="${lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <title>Page</title>${head}<script src="/page.js"></script><script src="${js}"></script></head>
    <body><main><h1>Page</h1>${body}</main></body></html>`;
  const headers = { "Content-Security-Policy": csp };
  await page.route(`${server.url}/page`, (route) => route.fulfill({ contentType: "text/html; charset=utf-8", headers, body: html }));
  await page.route(`${server.url}/page.js`, (route) => route.fulfill({ contentType: "text/javascript", body: `(${pageScript})()` }));
  await page.goto(`${server.url}/page`);
  await page.evaluate(([wasm, centre]) => /** @type {any} */ (window).widget.start(wasm, centre), [wasm, centre]);
  return {
    context,
    page,
    errors,
    /** @param {string} name @param {object} [detail] */
    send: (name, detail = {}) => page.evaluate(([name, detail]) => /** @type {any} */ (window).widget.tell(name, detail), /** @type {const} */ ([name, detail])),
    /** @param {object} [detail] */
    open: async (detail = {}) => {
      await page.evaluate((detail) => /** @type {any} */ (window).widget.tell("open", detail), detail);
      const dialog = page.getByRole("dialog");
      await dialog.waitFor();
      return dialog;
    },
    /** Shows the centre in the element of that id. @param {string} id @param {object} detail */
    mount: (id, detail) => page.evaluate(([id, detail]) => /** @type {any} */ (window).widget.mount(id, detail), /** @type {const} */ ([id, detail])),
    /** What the widget has said, by name. @param {string} name @returns {Promise<any[]>} */
    heard: (name) => page.evaluate((name) => window.heard.filter(([said]) => said === name).map(([, detail]) => detail), name),
  };
}

/** Runs in the page, in the place of the loader. */
function pageScript() {
  const page = /** @type {any} */ (window);
  page.consentry = {};
  page.heard = [];
  for (const name of ["choice", "close", "demand", "receipt"]) {
    document.addEventListener(`consentry:${name}`, (event) => page.heard.push([name, /** @type {CustomEvent} */ (event).detail]));
  }
  /** @type {any} */
  let centre;
  /** @param {string} name @param {any} detail */
  const tell = (name, detail) => {
    const { hash: policy, notice, language } = centre;
    // Of a choice a test says what matters to it; the rest is as the centre would have made it, an hour ago.
    const now_ms = Date.now();
    const rest = { id: "0198c0de-0000-7000-8000-000000000001", policy, notice, language, surface: "centre", at_ms: now_ms - 3_600_000 };
    const choices = (detail.choices ?? []).map((/** @type {object} */ choice) => ({ v: 1, ...rest, ...choice }));
    const base = { v: 1, centre, demands: [], earlier: {}, signal: null, server: true, now_ms };
    document.dispatchEvent(new CustomEvent(`consentry:${name}`, { detail: { ...base, ...detail, choices } }));
  };
  page.widget = {
    /** @param {string} wasm @param {string} address */
    async start(wasm, address) {
      centre = await (await fetch(address)).json();
      await page.consentry._widget({ module_or_path: fetch(wasm) });
    },
    tell,
    /** @param {string} id @param {object} detail */
    mount(id, detail) {
      const element = document.getElementById(id);
      const root = element?.shadowRoot ?? element?.attachShadow({ mode: "open" });
      tell("mount", { root, kind: "preferences", target: "", ...detail });
    },
    /** @param {string} id */
    unmount: (id) => tell("unmount", { root: document.getElementById(id)?.shadowRoot }),
  };
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

/** The id of what has the focus, through shadow roots. @param {Page} page */
const focused = (page) =>
  page.evaluate(() => {
    let active = document.activeElement;
    while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    return active?.id;
  });

const EVERYTHING = {
  choices: [
    { outcome: "all-granted", surface: "banner", at_ms: Date.now() - 30 * HOUR_MS, receipt: { v: 1 } },
    { id: "0198c0de-0000-7000-8000-000000000002", stances: { "interest-ads": "refuse", "product-mail": "refuse" } },
  ],
  demands: [{ id: "0198c0de-0000-7000-8000-000000000003", demand: "objection", at_ms: Date.now() - 2 * HOUR_MS }],
  signal: { at_ms: Date.now() - 20 * HOUR_MS },
};

test("axe_finds_nothing_in_the_whole_centre_in_light_dark_narrow_and_mirrored", async () => {
  for (const { site = "pixcosmos", lang = "en", context } of /** @type {{ site?: string, lang?: string, context: BrowserContextOptions }[]} */ ([
    { context: { colorScheme: "light" } },
    { context: { colorScheme: "dark" } },
    { context: { viewport: { width: 320, height: 640 } } },
    { context: { viewport: { width: 320, height: 640 }, colorScheme: "dark" } },
    { site: "icecone", lang: "ar", context: {} },
    { site: "icecone", lang: "ar", context: { viewport: { width: 320, height: 640 }, colorScheme: "dark" } },
  ])) {
    const { page, open, errors, context: visit } = await stage({ site, lang, context });
    const centre = await open(EVERYTHING);
    assert.equal(await centre.getAttribute("dir"), lang === "ar" ? "rtl" : "ltr");
    await page.locator("#_erasure").click();
    assert.deepEqual(await violations(page), [], `${site} ${lang} ${JSON.stringify(context)}`);
    assert.deepEqual(errors, []);
    await visit.close();
  }
});

test("processors_are_a_table_for_whoever_cannot_see_it_as_cards_and_as_columns", async () => {
  for (const width of [1280, 390]) {
    const { page, open, context } = await stage({ context: { viewport: { width, height: 800 } } });
    const centre = await open();
    const table = centre.getByRole("table", { name: "AI processors" });
    const heads = await table.getByRole("columnheader").allTextContents();
    assert.deepEqual(heads, ["Processor", "Gets", "What for", "Trains on it", "Own purposes", "Keeps it", "Where", "Choose"]);
    const kling = table.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "Kling AI" }) });
    assert.equal(await kling.getByRole("cell").count(), 7);
    // Chromium's own word on it, through the debugger: roles survive the cards.
    const session = await context.newCDPSession(page);
    const { nodes } = await session.send("Accessibility.getFullAXTree");
    const count = (/** @type {string} */ role) => nodes.filter((node) => !node.ignored && node.role?.value === role).length;
    assert.deepEqual({ tables: count("table"), rows: count("row"), heads: count("columnheader"), rowHeads: count("rowheader"), cells: count("cell") }, { tables: 1, rows: 5, heads: 8, rowHeads: 4, cells: 28 });
    await context.close();
  }
});

test("every_text_is_visible_with_nothing_to_expand", async () => {
  const { page, open, context } = await stage();
  const centre = await open();
  for (const text of ["writes the script from your prompt", "China, under standard contractual clauses", "We send you news and offers by e-mail."]) {
    assert.ok(await centre.getByText(text, { exact: true }).first().isVisible(), text);
  }
  assert.equal(await page.locator("details, [aria-expanded]").count(), 0);
  await context.close();
});

test("r27_a_second_step_is_worked_by_keyboard_and_gives_the_focus_back", async () => {
  const { page, open, heard, context } = await stage({ site: "pixcosmos" });
  const centre = await open({ choices: [{ outcome: "all-refused" }] });
  const ads = centre.locator("#_interest-ads_");
  await ads.focus();
  await page.keyboard.press("Space");
  assert.equal(await ads.getAttribute("aria-checked"), "false", "asked before it is on");
  await centre.getByText("You had opted out of this.", { exact: false }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await ads.getAttribute("aria-checked"), "true");
  assert.equal(await focused(page), "_interest-ads_");
  await centre.getByRole("button", { name: "Save choice" }).click();
  const [{ choice, allowed, ask_ms, until_ms }] = await heard("choice");
  assert.equal(choice.confirmed, true);
  assert.ok(allowed.includes("interest-ads"));
  assert.ok(ask_ms > Date.now() && until_ms > Date.now());
  await context.close();
});

test("r27_what_the_browsers_signal_ends_says_so_before_it_is_on", async () => {
  const { page, open, heard, context } = await stage({ site: "pixcosmos" });
  const centre = await open({ signal: { at_ms: null } });
  await centre.getByText("Your browser asks sites not to sell or share your data. We have done so.").waitFor();
  await centre.locator("#_interest-ads_").click();
  await centre.getByText("Your browser asks us not to do this.", { exact: false }).waitFor();
  await centre.getByRole("button", { name: "Leave it off" }).click();
  assert.equal(await centre.locator("#_interest-ads_").getAttribute("aria-checked"), "false");
  assert.equal(await focused(page), "_interest-ads_");
  await centre.getByRole("button", { name: "Save choice" }).click();
  const [{ choice, allowed }] = await heard("choice");
  assert.equal(choice.confirmed, undefined);
  assert.ok(!allowed.includes("interest-ads"));
  await context.close();
});

test("r26_a_signal_that_nobody_sends_is_said_and_one_that_is_not_followed_is_not_denied", async () => {
  const { page, open, context } = await stage();
  const none = "Your browser sends no signal that asks sites not to sell or share your data.";
  let centre = await open();
  assert.ok(await centre.getByText(none).isVisible());
  await page.keyboard.press("Escape");
  await page.evaluate(() => Object.defineProperty(navigator, "globalPrivacyControl", { value: true }));
  centre = await open();
  assert.equal(await centre.getByText(none).count(), 0);
  await context.close();
});

test("a_section_that_is_asked_for_is_scrolled_to_and_takes_the_focus", async () => {
  const { page, open, context } = await stage({ context: { viewport: { width: 390, height: 600 } } });
  for (const [section, id] of [["history", "_history"], ["rights", "_rights"], ["signals", "_signals"], ["processors", "downstream-ai"], ["marketing", "marketing"], ["no-such", "_title"], [null, "_title"]]) {
    const centre = await open({ section });
    assert.equal(await focused(page), id, `${section}`);
    assert.ok(await centre.locator(`[id="${id}"]`).evaluate((element) => {
      const { top, bottom } = element.getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight;
    }), `${section} is in view`);
    // Open already, it goes there as well.
    await open({ section: "rights" });
    assert.equal(await focused(page), "_rights");
    await page.keyboard.press("Escape");
    await centre.waitFor({ state: "detached" });
  }
  await context.close();
});

test("the_history_is_told_in_the_visitors_time_and_offers_receipts", async () => {
  const { open, send, heard, context } = await stage({ context: { timezoneId: "Europe/Berlin" } });
  const at_ms = Date.UTC(2026, 10, 22, 11, 30);
  const centre = await open({
    choices: [
      { outcome: "all-refused", surface: "banner", at_ms, receipt: { v: 1 } },
      { id: "0198c0de-0000-7000-8000-000000000002", stances: { marketing: "grant" }, at_ms: at_ms + HOUR_MS },
    ],
  });
  const entries = centre.locator(".entry");
  assert.equal(await entries.count(), 2);
  const [newest, oldest] = await entries.allTextContents();
  assert.match(newest, /Nov 22, 2026, 1:30\sPM · in these choices · not sent yet.*Marketing: On/);
  assert.match(oldest, /Nov 22, 2026, 12:30\sPM · in the notice.*AI training: Off/);
  await centre.getByRole("button", { name: "Download receipt" }).click();
  assert.deepEqual(await heard("receipt"), [{ v: 1, id: "0198c0de-0000-7000-8000-000000000001" }]);
  await send("record", { record: [{ type: "signalled", seq: 7, id: "0198c0de-0000-7000-8000-000000000009", signal: "gpc", at_ms }] });
  await centre.getByText("Opt-out by your browser’s signal").waitFor();
  assert.equal(await entries.count(), 1);
  await context.close();
});

test("rights_leave_as_demands_and_their_outcome_is_said", async () => {
  const { page, open, send, heard, context } = await stage();
  const centre = await open({ choices: [{ outcome: "all-granted" }] });
  await centre.getByRole("button", { name: "Pause all optional use" }).click();
  await send("done", { right: "restriction", lifted: false, ok: true });
  const lift = centre.getByRole("button", { name: "Lift: Pause all optional use" });
  await lift.waitFor();
  assert.equal(await centre.locator("#_marketing_").getAttribute("aria-disabled"), "true");
  await lift.click();
  await send("done", { right: "restriction", lifted: true, ok: true });
  await centre.getByRole("button", { name: "Pause all optional use", exact: true }).waitFor();
  assert.equal(await centre.locator("#_marketing_").getAttribute("aria-checked"), "true");

  const erase = centre.getByRole("button", { name: "Erase my data" });
  await erase.click();
  await centre.getByRole("button", { name: "Keep it" }).click();
  assert.equal(await focused(page), "_erasure");
  await erase.click();
  await centre.getByRole("button", { name: "Yes, erase" }).click();
  await send("done", { right: "erasure", lifted: false, ok: false });
  await centre.getByText("That did not work. Please try again, or write to us.").waitFor();
  const demands = (await heard("demand")).map(({ right, lifted }) => [right, lifted]);
  assert.deepEqual(demands, [["restriction", false], ["restriction", true], ["erasure", false]]);
  await context.close();
});

test("without_a_server_only_export_and_erasure_are_offered", async () => {
  const { open, context } = await stage();
  const centre = await open({ server: false });
  assert.deepEqual(await centre.locator(".rights button").allTextContents(), ["Download my data", "Erase my data"]);
  await context.close();
});

test("when_the_terms_have_changed_only_what_is_new_is_marked", async () => {
  const { open, context } = await stage();
  const policy = "1".repeat(64);
  const earlier = { [policy]: { ends: ["marketing"], asks: ["marketing"], lines: ["Marketing: now also by text message"], from: "Holds from 12 December 2026." } };
  const centre = await open({ choices: [{ policy, outcome: "all-granted" }], earlier });
  await centre.getByRole("heading", { name: "Our terms have changed" }).waitFor();
  await centre.getByText("Holds from 12 December 2026.").waitFor();
  assert.equal(await centre.locator(".new").count(), 1);
  assert.equal(await centre.locator("#_marketing_").getAttribute("aria-checked"), "false");
  assert.equal(await centre.locator("#_analytics_").getAttribute("aria-checked"), "true");
  await context.close();
});

test("mounted_in_the_page_the_centre_takes_no_focus_holds_nothing_still_and_stays_when_saved", async () => {
  const { page, mount, send, heard, errors, context } = await stage({ body: `<button id="before">Before</button><div id="place"></div>` });
  await page.locator("#before").focus();
  await mount("place", {});
  const centre = page.getByRole("region", { name: "Your choices" });
  await centre.waitFor();
  assert.equal(await focused(page), "before");
  assert.equal(await page.getByRole("dialog").count(), 0);
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.documentElement).overflowY), "hidden");
  assert.equal(await centre.getByRole("button", { name: "Close" }).count(), 0);
  assert.deepEqual(await violations(page), []);

  const marketing = centre.getByRole("switch", { name: "Marketing" });
  await marketing.click();
  await centre.getByRole("button", { name: "Save choice" }).click();
  const [{ choice }] = await heard("choice");
  assert.deepEqual([choice.surface, choice.stances.marketing], ["centre", "grant"]);
  assert.deepEqual(await heard("close"), []);
  await send("sync", { state: "saved" });
  await centre.getByText("Saved.").waitFor();

  await marketing.focus();
  await mount("place", { choices: [{ outcome: "all-refused" }] });
  await centre.locator('[role="switch"][aria-checked="true"]').waitFor({ state: "detached" });
  assert.equal(await focused(page), "_marketing_", "shown anew, the focus stays");
  await page.evaluate(() => /** @type {any} */ (window).widget.unmount("place"));
  await centre.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.getElementById("place")?.shadowRoot?.adoptedStyleSheets.length), 0);
  assert.deepEqual(errors, []);
  await context.close();
});

test("wide_in_the_page_the_processors_stand_in_columns_and_narrow_in_cards", async () => {
  for (const [width, display] of /** @type {const} */ ([[1280, "table-row"], [600, "flex"]])) {
    const { page, mount, context } = await stage({ body: `<div id="place"></div>`, context: { viewport: { width, height: 800 } } });
    await mount("place", {});
    const row = page.getByRole("row").filter({ has: page.getByRole("rowheader") }).first();
    assert.equal(await row.evaluate((element) => getComputedStyle(element).display), display, `${width}`);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await context.close();
  }
});

test("a_switch_on_the_page_chooses_its_own_target_at_once_and_keeps_the_focus", async () => {
  const body = `<div id="purpose"></div><div id="processor"></div>`;
  const { page, mount, heard, context } = await stage({ body });
  await mount("purpose", { kind: "toggle", target: "downstream-ai" });
  await mount("processor", { kind: "toggle", target: "downstream-ai/kling" });
  const purpose = page.getByRole("switch", { name: "AI processors" });
  const processor = page.getByRole("switch", { name: "Kling AI" });
  assert.equal(await processor.getAttribute("aria-disabled"), "true", "held while its purpose is off");
  // By force: the driver, too, holds it for disabled.
  await processor.click({ force: true });
  assert.deepEqual(await heard("choice"), []);
  await purpose.focus();
  await page.keyboard.press("Space");
  const [{ choice, ask_ms }] = await heard("choice");
  assert.deepEqual([choice.surface, choice.stances, ask_ms], ["page", { "downstream-ai": "grant" }, 0]);
  assert.equal(await purpose.getAttribute("aria-checked"), "true");

  const known = { choices: [{ stances: choice.stances, surface: "page" }] };
  await mount("purpose", { kind: "toggle", target: "downstream-ai", ...known });
  await mount("processor", { kind: "toggle", target: "downstream-ai/kling", ...known });
  assert.equal(await focused(page), "_downstream-ai_");
  await page.locator('[id="_downstream-ai/kling_"]:not([aria-disabled])').waitFor();
  await processor.click();
  assert.deepEqual((await heard("choice"))[1].choice.stances, { "downstream-ai/kling": "grant" });
  assert.deepEqual(await violations(page), []);
  await context.close();
});

test("a_choice_by_script_is_computed_and_shows_nothing", async () => {
  const { page, send, heard, context } = await stage();
  await send("set", { stances: { marketing: "grant", analytics: "refuse" }, surface: "script" });
  const [{ choice, allowed, ask_ms }] = await heard("choice");
  assert.deepEqual([choice.surface, choice.stances, ask_ms], ["script", { marketing: "grant", analytics: "refuse" }, 0]);
  assert.ok(allowed.includes("marketing") && !allowed.includes("analytics"));
  assert.equal(await page.locator("consentry-centre").count(), 0);
  await context.close();
});

test("a_hostile_page_changes_neither_dialog_nor_what_is_mounted", async () => {
  const hostile = `<link rel="stylesheet" href="/hostile.css">`;
  const css = `* { font-size: 40px !important; line-height: 3 !important; letter-spacing: 9px !important; color: red !important;
    text-transform: uppercase !important; font-family: fantasy !important } html { font-size: 62.5% !important }`;
  const looks = [];
  for (const head of ["", hostile]) {
    const context = { viewport: { width: 1280, height: 900 } };
    const visit = await stage({ head: "", body: `<div id="place"></div>`, context, csp: STRICT_CSP.replace("style-src 'none'", "style-src 'unsafe-inline'") });
    if (head) await visit.page.addStyleTag({ content: css });
    await visit.mount("place", { kind: "toggle", target: "marketing" });
    const dialog = await visit.open();
    const look = (/** @type {Locator} */ one) =>
      one.evaluate((element) => {
        const { color, fontSize, lineHeight, letterSpacing, textTransform, fontFamily } = getComputedStyle(element);
        return { color, fontSize, lineHeight, letterSpacing, textTransform, fontFamily };
      });
    looks.push([await look(dialog.getByRole("button", { name: "Accept all" })), await look(visit.page.locator("#place #marketing"))]);
    await visit.context.close();
  }
  assert.deepEqual(looks[1], looks[0]);
});

test("the_pages_own_colours_come_in_by_custom_properties_and_parts", async () => {
  const { page, open, context } = await stage({ csp: STRICT_CSP.replace("style-src 'none'", "style-src 'unsafe-inline'") });
  await page.addStyleTag({ content: ":root { --consentry-paper: rgb(10, 20, 30); --consentry-radius: 0px } consentry-centre::part(title) { font-style: italic }" });
  const dialog = await open();
  const style = await dialog.evaluate((element) => {
    const { backgroundColor, borderRadius } = getComputedStyle(element);
    return { backgroundColor, borderRadius };
  });
  assert.deepEqual(style, { backgroundColor: "rgb(10, 20, 30)", borderRadius: "0px" });
  assert.equal(await dialog.locator("h2").evaluate((element) => getComputedStyle(element).fontStyle), "italic");
  await context.close();
});

test("r38_at_320_by_256_and_at_200_percent_text_nothing_is_cut_off", async () => {
  for (const root of ["100%", "200%"]) {
    const context = { viewport: root === "100%" ? { width: 320, height: 256 } : { width: 1280, height: 800 } };
    const { page, open, context: visit } = await stage({ site: "pixcosmos", context, csp: STRICT_CSP.replace("style-src 'none'", "style-src 'unsafe-inline'") });
    await page.addStyleTag({ content: `html { font-size: ${root} }` });
    const centre = await open(EVERYTHING);
    await page.locator("#_erasure").click();
    for (const button of await centre.getByRole("button").all()) {
      await button.scrollIntoViewIfNeeded();
      const box = await button.boundingBox();
      const { width, height } = context.viewport;
      assert.ok(box && box.x >= 0 && box.x + box.width <= width && box.y >= -1 && box.y + box.height <= height + 1, `${root} ${await button.textContent()} ${JSON.stringify(box)}`);
    }
    await visit.close();
  }
});

test("nothing_moves_and_in_print_the_dialog_is_absent", async () => {
  const { page, open, context } = await stage({ context: { reducedMotion: "reduce" } });
  const centre = await open();
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  await page.emulateMedia({ media: "print" });
  assert.equal(await centre.isVisible(), false);
  await context.close();
});
