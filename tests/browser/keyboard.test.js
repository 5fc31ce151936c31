/** From the first visit to a withdrawal with Tab, Enter and Space alone, in every look of the two layers. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchBrowser } from "./harness.js";
import { startSite, visit } from "./everything.js";

/** @import { Browser, BrowserContextOptions, Locator, Page } from "playwright-core" */

/** More stops than page, banner and centre have together. */
const TABS_MAX = 60;

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

/** Where the focus is: whether it is on `wanted`, whether it can be seen, and by what. @param {Locator} wanted */
const focus = (wanted) =>
  wanted.evaluate((wanted) => {
    let active = document.activeElement;
    while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    if (!active || active === document.body || active === document.documentElement) return { isWanted: false, isOurs: false };
    const { outlineStyle, outlineWidth } = getComputedStyle(active);
    const { top, bottom, left, right } = active.getBoundingClientRect();
    return {
      isWanted: active === wanted,
      isOurs: active.getRootNode() instanceof ShadowRoot,
      isOutlined: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
      isInView: top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth,
      name: active.outerHTML,
    };
  });

/** Every stop on the way is seen to have the focus. @param {Page} page @param {Locator} wanted */
async function tabTo(page, wanted) {
  await wanted.waitFor();
  for (let presses = 0; presses < TABS_MAX; presses++) {
    await page.keyboard.press("Tab");
    const { isWanted, isOurs, isOutlined, isInView, name } = await focus(wanted);
    if (isOurs) assert.ok(isOutlined && isInView, `${name} has the focus: ${JSON.stringify({ isOutlined, isInView })}`);
    if (isWanted) return;
  }
  assert.fail(`${wanted} is not reached by ${TABS_MAX} Tabs`);
}

for (const [name, lang, context] of /** @type {[string, string, BrowserContextOptions][]} */ ([
  ["light", "en", {}],
  ["dark", "en", { colorScheme: "dark" }],
  ["right_to_left", "ar", {}],
  ["320_px", "en", { viewport: { width: 320, height: 640 } }],
  ["forced_colours", "en", { forcedColors: "active" }],
])) {
  test(`the_keyboard_alone_will_do_in_${name}`, async () => {
    const { page, banner, centre, can, saved, close } = await visit(browser, site.url, { lang, context });
    const [, , choose] = await banner.getByRole("button").all();
    const foot = centre.locator(".foot .buttons button");

    await tabTo(page, choose);
    await page.keyboard.press("Enter");
    await centre.waitFor();
    const analytics = centre.locator("#_analytics_");
    await tabTo(page, analytics);
    await page.keyboard.press("Space");
    assert.equal(await analytics.getAttribute("aria-checked"), "true");
    await tabTo(page, foot.nth(2));
    await page.keyboard.press("Enter");
    await centre.waitFor({ state: "detached" });
    await saved();
    assert.equal(await banner.count(), 0);
    assert.deepEqual([await can("analytics"), await can("marketing")], [true, false]);

    await tabTo(page, page.locator("#privacy"));
    await page.keyboard.press("Enter");
    await centre.waitFor();
    await tabTo(page, foot.nth(1));
    await page.keyboard.press("Space");
    await centre.waitFor({ state: "detached" });
    await saved();
    assert.equal(await can("analytics"), false);
    assert.equal(await page.evaluate(() => document.activeElement?.id), "privacy");
    await close();
  });
}
