/** Rights that are used in the preference centre, through the whole house: what stops, what stays stopped, and what comes back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { launchBrowser } from "./harness.js";
import { startSite, visit } from "./everything.js";

test("r21_an_objection_holds_whatever_is_chosen_until_it_is_lifted", async () => {
  const [browser, site] = await Promise.all([launchBrowser(), startSite()]);
  try {
    const { page, centre, press, open, can, saved } = await visit(browser, site.url);
    const marketingAndAnalytics = async () => [await can("marketing"), await can("analytics")];
    await press("Accept all");
    await saved();
    assert.deepEqual(await marketingAndAnalytics(), [true, true]);

    await open("Privacy");
    await centre.getByRole("button", { name: "Object to marketing" }).click();
    await centre.getByText("Done.").waitFor();
    assert.deepEqual(await marketingAndAnalytics(), [false, true]);

    await centre.getByRole("button", { name: "Accept all" }).click();
    await centre.waitFor({ state: "detached" });
    assert.deepEqual(await marketingAndAnalytics(), [false, true], "a choice does not overrule it");
    await saved();
    await page.evaluate(() => document.querySelector("#privacy")?.setAttribute("data-consentry", "accept-all"));
    await press("Privacy");
    assert.deepEqual(await marketingAndAnalytics(), [false, true], "nor does another control of the page");
    await saved();

    await page.reload();
    await page.waitForFunction(() => window.consentry?.subject);
    assert.deepEqual(await marketingAndAnalytics(), [false, true], "on the next page too");
    await open("Privacy");
    await centre.getByRole("button", { name: "Lift" }).click();
    await centre.getByText("Done.").waitFor();
    assert.deepEqual(await marketingAndAnalytics(), [true, true]);
  } finally {
    await browser.close();
    await site.stop();
  }
});
