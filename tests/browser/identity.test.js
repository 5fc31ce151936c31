/** Who is signed in, through the whole house: what reaches the account and its other devices, and what stays on none of them. */

import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { launchBrowser } from "./harness.js";
import { startSite, visit } from "./everything.js";

/** @import { Browser, Page } from "playwright-core" */

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
/** AdForge's policy: none of its pages is loaded again when something ends, which would sign people out. */
const POLICY = "policies/adforge";
const KEYS = `[adforge]\n[[adforge.keys]]\nkid = "1"\nalg = "EdDSA"\npublic_key = "${publicKey.export({ format: "jwk" }).x}"\n`;

/** What a site's back end signs for whoever is signed in. @param {string} account */
function token(account) {
  const encode = (/** @type {object} */ part) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const claims = { aud: "adforge", sub: account, exp: Math.floor(Date.now() / 1000) + 600 };
  const signed = `${encode({ alg: "EdDSA", kid: "1" })}.${encode(claims)}`;
  return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString("base64url")}`;
}

/** @param {Browser} browser @param {string} url */
const visitor = (browser, url) => visit(browser, url, { site: "adforge" });

/** @param {Page} page @param {string} token */
const identify = (page, token) => page.evaluate((token) => consentry.identify(token), token);

/** Settles when that is so on the page. @param {Page} page @param {string} purpose @param {boolean} is */
const allowed = (page, purpose, is) => page.waitForFunction(([purpose, is]) => consentry.can(/** @type {string} */ (purpose)) === is, [purpose, is]);

/** Settles when the account has all that it is to have. @param {Page} page */
const paid = (page) => page.waitForFunction(() => !JSON.parse(localStorage["consentry:adforge"] ?? "{}").signed?.owed.length);

/** @param {Page} page */
const storage = (page) => page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));

/** @param {string} name @param {(stage: { browser: Browser, url: string }) => Promise<void>} body */
function onSite(name, body) {
  test(name, async () => {
    const [browser, site] = await Promise.all([launchBrowser(), startSite(POLICY, KEYS)]);
    try {
      await body({ browser, url: site.url });
    } finally {
      await browser.close();
      await site.stop();
    }
  });
}

onSite("r39_what_is_chosen_while_signed_in_holds_on_the_accounts_other_devices", async ({ browser, url }) => {
  const ada = "ada@adforge.example";
  const laptop = await visitor(browser, url);
  await identify(laptop.page, token(ada));
  assert.equal(await laptop.can("ai-training"), false);
  await laptop.press("Accept all");
  await laptop.saved();
  await allowed(laptop.page, "ai-training", true);
  await allowed(laptop.page, "downstream-ai", true);
  await allowed(laptop.page, "analytics", true);

  // Another device, where somebody had said yes to everything before.
  const phone = await visitor(browser, url);
  await phone.press("Accept all");
  await phone.saved();
  await identify(phone.page, token(ada));
  assert.deepEqual([await phone.can("ai-training"), await phone.can("marketing")], [true, true]);
  await identify(phone.page, token("grace@adforge.example"));
  assert.deepEqual([await phone.can("ai-training"), await phone.can("analytics")], [false, true], "another account has said nothing");
  await phone.page.evaluate(() => consentry.signOut());

  await laptop.page.evaluate(() => consentry.set({ "ai-training": false, "downstream-ai": false }));
  assert.equal(await laptop.can("ai-training"), false, "at once");
  await paid(laptop.page);
  await identify(phone.page, token(ada));
  assert.deepEqual(
    [await phone.can("ai-training"), await phone.can("downstream-ai"), await phone.can("marketing"), await phone.can("analytics")],
    [false, false, true, true],
  );
  await phone.page.evaluate(() => consentry.signOut());
  assert.equal(await phone.can("ai-training"), true, "what the phone itself had said");
  assert.deepEqual([laptop.errors, phone.errors], [[], []]);
});

onSite("r39_signing_out_leaves_nothing_of_the_account_on_a_shared_device", async ({ browser, url }) => {
  const ada = "ada@adforge.example";
  const { page, press, can, saved, banner, errors } = await visitor(browser, url);
  const whole = token(ada);
  await identify(page, whole);
  await press("Accept all");
  await saved();
  await allowed(page, "ai-training", true);
  await paid(page);
  const kept = await storage(page);
  assert.ok(kept.includes("account:"), "whose choices they are, by a keyed hash");
  for (const part of [ada, whole, whole.split(".")[2]]) assert.ok(!kept.includes(part), part);

  await page.evaluate(() => consentry.signOut());
  await banner.waitFor();
  for (const purpose of ["ai-training", "downstream-ai", "marketing", "analytics"]) assert.equal(await can(purpose), false, purpose);
  assert.ok(!(await storage(page)).includes("account:"));
  await page.reload();
  await banner.waitFor();
  assert.equal(await can("ai-training"), false, "on the next page too");
  assert.deepEqual(errors, []);
});

onSite("r12_a_refusal_made_while_signed_in_is_not_asked_again_once_signed_out", async ({ browser, url }) => {
  const { page, press, can, saved, banner } = await visitor(browser, url);
  await identify(page, token("ada"));
  await press("Refuse all");
  await saved();
  await paid(page);
  await page.evaluate(() => consentry.signOut());
  await page.reload();
  await page.waitForFunction(() => window.consentry?.subject);
  assert.equal(await banner.count(), 0);
  assert.equal(await can("ai-training"), false);
});

onSite("what_the_account_could_not_be_told_at_once_it_is_told_later", async ({ browser, url }) => {
  const { page, press, saved } = await visitor(browser, url);
  await identify(page, token("ada"));
  let away = true;
  await page.route("**/v1/sites/adforge/choices", (route) =>
    away && route.request().headers()["consentry-identity"] ? route.abort("internetdisconnected") : route.continue(),
  );
  await press("Accept all");
  await saved();
  await page.reload();
  away = false;
  await page.waitForFunction(() => window.consentry?.subject);
  await identify(page, token("ada"));
  await paid(page);
  await allowed(page, "ai-training", true);
  const other = await visitor(browser, url);
  await other.press("Accept all");
  await other.saved();
  await identify(other.page, token("ada"));
  assert.equal(await other.can("ai-training"), true);
});

onSite("r19_what_was_erased_while_signed_in_does_not_come_back_by_signing_out", async ({ browser, url }) => {
  const { page, press, can, saved, banner } = await visitor(browser, url);
  await press("Accept all");
  await saved();
  await identify(page, token("ada"));
  await page.evaluate(() => consentry.erase());
  assert.equal(await can("analytics"), false);
  await page.evaluate(() => document.querySelector("#privacy")?.setAttribute("data-consentry", "accept-all"));
  await press("Privacy");
  await allowed(page, "ai-training", true);
  await paid(page);
  await page.evaluate(() => consentry.signOut());
  await banner.waitFor();
  assert.deepEqual([await can("analytics"), await can("ai-training")], [false, false]);
});

onSite("a_token_that_was_tampered_with_is_an_error_and_changes_nothing", async ({ browser, url }) => {
  const { page, press, can, saved } = await visitor(browser, url);
  await press("Accept all");
  await saved();
  const [header, , signature] = token("ada").split(".");
  const [, grace] = token("grace").split(".");
  await assert.rejects(identify(page, `${header}.${grace}.${signature}`), /the identity token is not believed/i);
  assert.equal(await can("ai-training"), true);
});

onSite("r23_an_objection_made_while_signed_in_holds_on_the_accounts_other_devices", async ({ browser, url }) => {
  const [laptop, phone] = [await visitor(browser, url), await visitor(browser, url)];
  for (const { page, press, saved } of [laptop, phone]) {
    await identify(page, token("ada"));
    await press("Accept all");
    await saved();
    await paid(page);
    await allowed(page, "marketing", true);
  }
  await laptop.open("Privacy");
  await laptop.centre.getByRole("button", { name: "Object to marketing" }).click();
  await laptop.centre.getByText("Done.").waitFor();
  await paid(laptop.page);
  await identify(phone.page, token("ada"));
  assert.deepEqual([await phone.can("marketing"), await phone.can("analytics")], [false, true]);
});
