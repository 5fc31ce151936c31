/**
 * Every state of what people see: a picture for someone to look at, in `target/states/`, and what a screen reader is told,
 * compared with `states/<state>.aria.yml`. `UPDATE_EXPECT=1` writes these anew; read the difference before you keep it.
 *
 * How a page is shown changes nothing of what is told: dark, narrow and in forced colours, the same file holds. Right to
 * left has files of its own, since its words are others.
 *
 * Deliberately absent: comparing pictures, which differ with every font and browser.
 */

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT, launchBrowser } from "./harness.js";
import { BODY, startSite, visit } from "./everything.js";
import { NEWER_POLICY, POLICY, bootDocument, openStage, pageWith } from "./stage.js";

/** @import { Browser, BrowserContextOptions, Locator, Page } from "playwright-core" */
/** @import { Setting, Visit } from "./everything.js" */

const PICTURES = join(ROOT, "target/states");
const GOLDEN = new URL("states/", import.meta.url);

/** How many times slower than this machine the measured visitor's is. */
const SLOW_CPU = 4;

/** @type {Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof startSite>>} */
let site;

/** What `index.html` shows. @type {string[]} */
const shown = [];
let slowest = "";

before(async () => {
  await mkdir(PICTURES, { recursive: true });
  await mkdir(GOLDEN, { recursive: true });
  [browser, site] = await Promise.all([launchBrowser(), startSite()]);
});

after(async () => {
  await browser?.close();
  await site?.stop();
  const figures = shown.map((name) => `<figure id="${name}"><figcaption><a href="${name}.png">${name}</a></figcaption><img src="${name}.png" alt="" loading="lazy"></figure>`);
  const links = shown.map((name) => `<a href="#${name}">${name}</a>`).join(" ");
  const style = "body{font:16px/1.5 system-ui;margin:2rem}figure{margin:2rem 0}img{max-width:100%;border:1px solid #ccc}nav a{margin-right:.75rem}";
  await writeFile(join(PICTURES, "index.html"), `<!doctype html><html lang="en"><meta charset="utf-8"><title>States</title><style>${style}</style>
<h1>States</h1><p>${slowest}</p><nav>${links}</nav>${figures.join("\n")}</html>\n`);
});

// ── How each state is reached ───────────────────────────────────────────────────────────────────

/** @type {BrowserContextOptions} */
const DESKTOP = { viewport: { width: 1280, height: 800 } };
const WHOLE = { viewport: { width: 1280, height: 2600 } };

/**
 * @typedef {object} State
 * @property {string} name
 * @property {Setting} [setting]
 * @property {(visit: Visit) => Promise<Locator>} reach by what holds in every language; answers what the state is about
 */

/** @param {Visit} visit @param {number} which accept, refuse, choose */
const answer = ({ banner }, which) => banner.getByRole("button").nth(which).click();

/** @param {Visit} visit @param {string} [opener] */
async function openBy({ page, centre }, opener = "#privacy") {
  await page.locator(opener).click();
  await centre.waitFor();
  return centre;
}

/** @param {Visit} visit @param {string} opener @param {number} which */
async function openAfter(visit, opener, which) {
  await answer(visit, which);
  await visit.saved();
  return openBy(visit, opener);
}

const SECTIONS = `${BODY}<p><button id="history" data-consentry="open/history">History</button>
  <button id="rights" data-consentry="open/rights">Rights</button></p>`;
const ON_PAGE = {
  gate: `${BODY}<div id="gates"><consentry-gate purpose="social"><p>A post.</p></consentry-gate>
    <p><iframe title="Film" width="480" height="240" data-consent="downstream-ai/painter" data-src="data:,"></iframe></p>
    <p><iframe title="Small" width="160" height="90" data-consent="analytics" data-src="data:,"></iframe></p></div>`,
  toggle: `${BODY}<div id="settings"><p>Statistics <consentry-toggle purpose="analytics"></consentry-toggle></p>
    <p>Painter AI <consentry-toggle purpose="downstream-ai" processor="painter"></consentry-toggle></p></div>`,
  preferences: `${BODY}<consentry-preferences></consentry-preferences>`,
};

/** @type {State} */
const BANNER = { name: "banner", reach: async ({ banner }) => banner };

/** @type {State} */
const CENTRE = {
  name: "centre",
  reach: async (visit) => {
    await answer(visit, 2);
    await visit.centre.waitFor();
    return visit.centre;
  },
};

/** @type {State} */
const LOST = {
  name: "centre-lost",
  reach: async (visit) => {
    const centre = await openAfter(visit, "#privacy", 0);
    await centre.getByRole("table").getByRole("switch").first().click();
    await centre.locator(".stops").first().scrollIntoViewIfNeeded();
    return centre;
  },
};

/** @type {State} */
const RIGHTS = {
  name: "rights",
  setting: { body: SECTIONS },
  reach: async (visit) => {
    const centre = await openAfter(visit, "#rights", 0);
    await centre.locator("#_erasure").click();
    await centre.locator(".question").scrollIntoViewIfNeeded();
    return centre.locator(".rights");
  },
};

/** @type {State} */
const GATE = {
  name: "gate",
  setting: { body: ON_PAGE.gate },
  reach: async (visit) => {
    await answer(visit, 1);
    await visit.page.locator("consentry-gate button").first().waitFor();
    await visit.page.locator("consentry-placeholder").nth(1).waitFor();
    // Each says what is off, and in the page's language, however late that came.
    await visit.page.waitForFunction(() => [...document.querySelectorAll("consentry-gate, consentry-placeholder")].every((host) => {
      const offer = host.shadowRoot?.querySelector("section");
      return offer?.lang === document.documentElement.lang && offer.querySelector("p")?.textContent;
    }));
    return visit.page.locator("#gates");
  },
};

/** @type {State[]} */
const ALONE = [
  {
    name: "banner-signal",
    setting: { early: () => Object.defineProperty(navigator, "globalPrivacyControl", { value: true }) },
    reach: async ({ banner }) => banner,
  },
  { ...CENTRE, name: "centre-whole", setting: { context: WHOLE } },
  {
    name: "centre-question",
    reach: async (visit) => {
      const centre = await openAfter(visit, "#privacy", 1);
      await centre.getByRole("button", { name: "Accept all" }).click();
      await centre.locator(".question").waitFor();
      return centre.locator(".foot");
    },
  },
  {
    name: "centre-question-of-one",
    reach: async (visit) => {
      const centre = await openAfter(visit, "#privacy", 1);
      await centre.locator("#_ads_").click();
      await centre.locator(".question").scrollIntoViewIfNeeded();
      return centre.locator(".question");
    },
  },
  {
    name: "history",
    setting: { body: SECTIONS },
    reach: async (visit) => {
      await answer(visit, 0);
      await visit.saved();
      const centre = await openBy(visit);
      await centre.locator("#_analytics_").click();
      await centre.getByRole("button", { name: "Save choice" }).click();
      await centre.waitFor({ state: "detached" });
      await visit.saved();
      await openBy(visit, "#history");
      await centre.locator(".entry").nth(1).waitFor();
      return centre.locator(".history");
    },
  },
  {
    name: "preferences",
    setting: { body: ON_PAGE.preferences, context: WHOLE },
    reach: async (visit) => {
      const preferences = visit.page.locator("consentry-preferences");
      await preferences.getByRole("switch").first().waitFor();
      return preferences;
    },
  },
  {
    name: "preferences-saved",
    setting: { body: ON_PAGE.preferences, context: WHOLE },
    reach: async (visit) => {
      await answer(visit, 0);
      await visit.saved();
      const preferences = visit.page.locator("consentry-preferences");
      await preferences.locator("#_analytics_").click();
      await preferences.getByRole("button", { name: "Save choice" }).click();
      await preferences.getByRole("status").getByText("Saved.").waitFor();
      return preferences.locator(".foot");
    },
  },
  {
    name: "toggle",
    setting: { body: ON_PAGE.toggle },
    reach: async (visit) => {
      await answer(visit, 1);
      const settings = visit.page.locator("#settings");
      await settings.getByRole("switch").nth(1).waitFor();
      await settings.getByRole("switch").first().click();
      await settings.getByText("Saved.").first().waitFor();
      return settings;
    },
  },
  {
    name: "debug",
    setting: { body: ON_PAGE.gate },
    reach: async ({ page }) => {
      await page.evaluate(() => consentry.debug());
      const panel = page.getByRole("region", { name: "Consentry debug" });
      await panel.getByText("Allowed now").waitFor();
      return panel;
    },
  },
];

/** @type {[suffix: string, state: State[], setting: Setting][]} */
const LOOKS = [
  ["", [BANNER, CENTRE, LOST, RIGHTS, GATE, ...ALONE], {}],
  ["-dark", [BANNER, CENTRE, LOST, RIGHTS, GATE], { context: { ...DESKTOP, colorScheme: "dark" } }],
  ["-390", [BANNER, CENTRE, LOST, RIGHTS, GATE], { context: { viewport: { width: 390, height: 844 } } }],
  ["-forced", [BANNER, CENTRE, LOST, RIGHTS, GATE], { context: { ...DESKTOP, forcedColors: "active" } }],
  ["-320x256", [BANNER, CENTRE], { context: { viewport: { width: 320, height: 256 } } }],
  ["-rtl", [BANNER, CENTRE, LOST, RIGHTS, GATE], { lang: "ar" }],
  ["-rtl-390", [BANNER, CENTRE, LOST], { lang: "ar", context: { viewport: { width: 390, height: 844 }, colorScheme: "dark" } }],
];

for (const [suffix, states, setting] of LOOKS) {
  for (const { name, setting: own, reach } of states) {
    test(`${name}${suffix}`, async () => {
      const visitor = await visit(browser, site.url, { context: DESKTOP, ...own, ...setting });
      try {
        await keep(visitor.page, `${name}${suffix}`, setting.lang ? `${name}.${setting.lang}` : name, await reach(visitor));
      } finally {
        await visitor.close();
      }
    });
  }
}

// ── What only a staged boot document brings ─────────────────────────────────────────────────────

const CHANGED = {
  policy: NEWER_POLICY,
  earlier: {
    [POLICY]: {
      ends: ["downstream-ai/kling", "marketing"],
      asks: ["downstream-ai/kling", "marketing"],
      fresh: [],
      lines: ["Kling now keeps your pictures for a day", "Marketing by text message too"],
      from: "Holds from 12 December 2026.",
    },
  },
};

test("banner-change", async () => {
  const stage = await openStage(browser, { context: DESKTOP });
  await stage.press("Accept all");
  await stage.synced("saved");
  stage.boot = bootDocument(CHANGED);
  await stage.visit("/again");
  await stage.banner.waitFor();
  await keep(stage.page, "banner-change", "banner-change", stage.banner.locator("section"));
  await stage.close();
});

const PLACE = pageWith(`<main><h1>Shop</h1><div data-consentry="banner"></div><p>Goods. <a href="/more">More</a></p></main>`);

for (const layout of ["box", "corner", "inline"]) {
  for (const [suffix, context] of /** @type {[string, BrowserContextOptions][]} */ ([["", DESKTOP], ["-390", { viewport: { width: 390, height: 844 } }]])) {
    test(`banner-${layout}${suffix}`, async () => {
      const stage = await openStage(browser, { context, html: PLACE, boot: bootDocument({ layout }) });
      await stage.banner.waitFor();
      await keep(stage.page, `banner-${layout}${suffix}`, `banner-${layout}`, stage.banner.locator("section"));
      await stage.close();
    });
  }
}

test("a_first_visit_on_a_slow_machine_is_measured", async () => {
  const context = await browser.newContext(DESKTOP);
  const page = await context.newPage();
  await page.addInitScript(() => {
    /** @type {number[]} */
    const tasks = (/** @type {any} */ (window).tasks = []);
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask", buffered: true });
  });
  const session = await context.newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOW_CPU });
  const html = `<!doctype html><html lang="en"><head><title>Page</title><script src="/everything.js" async></script></head><body>${BODY}</body></html>`;
  await page.route(`${site.url}/page`, (route) => route.fulfill({ contentType: "text/html", body: html }));
  await page.goto(`${site.url}/page`);
  await page.locator("consentry-banner section").waitFor();
  await page.locator("consentry-banner").getByRole("button", { name: "Choose" }).click();
  await page.getByRole("dialog").waitFor();
  /** @type {number[]} */
  const tasks = await page.evaluate(() => /** @type {any} */ (window).tasks);
  // On a machine that others use too: written down, and no more.
  slowest = `At ${SLOW_CPU}× CPU, from the page's start until the preference centre stood: ${tasks.length} tasks above 50 ms${tasks.length ? `, the longest ${Math.round(Math.max(...tasks))} ms` : ""}.`;
  assert.ok(Array.isArray(tasks));
  await context.close();
});

// ── Keeping and comparing ───────────────────────────────────────────────────────────────────────

/** @param {Page} page @param {string} picture @param {string} state @param {Locator} subject */
async function keep(page, picture, state, subject) {
  // Away from the buttons: one that is pointed at may look so.
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(PICTURES, `${picture}.png`) });
  shown.push(picture);
  const told = `${steady(await subject.ariaSnapshot())}\n`;
  const file = new URL(`${state}.aria.yml`, GOLDEN);
  if (process.env.UPDATE_EXPECT) return writeFile(file, told);
  const expected = await readFile(file, "utf8").catch(() => "");
  if (told === expected) return;
  const [now, before] = [told, expected].map((text) => text.split("\n"));
  const lines = [...before.filter((line) => !now.includes(line)).map((line) => `- ${line}`), ...now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`)];
  assert.fail(
    `what is told of ${picture} is not what tests/browser/states/${state}.aria.yml says; look at target/states/${picture}.png,` +
      ` and if it is right so, run \`UPDATE_EXPECT=1 node --test states.test.js\`\n${lines.join("\n") || "the same lines in another order"}`,
  );
}

/** Without what differs at each run. @param {string} told */
function steady(told) {
  return told
    .replace(/[A-Z][a-z]{2} \d+, \d{4}, \d+:\d+\s[AP]M/g, "<when>")
    .replace(/\d+\u200f?\/\d+\u200f?\/\d{4}، \d+:\d+\s\S/g, "<when>")
    .replace(/127\.0\.0\.1:\d+/g, "<server>")
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<id>")
    .replace(/\b[0-9a-f]{12,}\b/g, "<hash>");
}
