/**
 * What a person does, with the real server, the real preference centre and AdForge's own back end: refuses, grants with one
 * processor off, withdraws offline, comes back. The back end is asked after each step.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchBrowser, startHouse } from "./harness.js";

/** @import { Browser, Page } from "playwright-core" */

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

/** What AdForge's back end would be told. @param {string} subject @param {string} [processor] */
async function ask(subject, processor) {
  const response = await fetch(`${house.server.url}/v1/sites/adforge/decisions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${house.key}`, "Content-Type": "application/json" },
    body: JSON.stringify({ subject, purpose: "downstream-ai", processor }),
  });
  assert.equal(response.status, 200);
  return /** @type {Promise<{ allow: boolean, reason: string, decided_by: string, features_lost: string[] }>} */ (response.json());
}

/** A person who has never been here. */
async function newVisitor() {
  const context = await browser.newContext();
  /** @type {string[]} */
  const requests = [];
  /** @type {string[]} */
  const errors = [];
  context.on("request", (request) => requests.push(new URL(request.url()).href));
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !/ERR_INTERNET_DISCONNECTED|status of 403/.test(message.text())) errors.push(message.text());
  });
  await page.addInitScript(() => {
    window.heard = [];
    for (const name of ["change", "sync"]) {
      document.addEventListener(`consentry:${name}`, (event) => window.heard.push([name, /** @type {CustomEvent} */ (event).detail]));
    }
  });
  return { context, page, requests, errors };
}

/** @param {Page} page @param {string} state */
const synced = (page, state) =>
  page.waitForFunction((wanted) => window.heard.at(-1)?.[0] === "sync" && window.heard.at(-1)?.[1].state === wanted, state);

/** @param {Page} page @param {string} target */
const can = (page, target) =>
  page.evaluate((name) => {
    const [purpose, processor] = name.split("/");
    return processor ? consentry.can(purpose, { processor }) : consentry.can(purpose);
  }, target);

/** @param {Page} page */
const subjectOf = async (page) => (await page.evaluate(() => consentry.subject)) ?? assert.fail("no subject");

/** @param {Page} page */
async function openCentre(page) {
  await page.getByRole("contentinfo").getByRole("button", { name: "Privacy choices" }).click();
  const centre = page.getByRole("dialog", { name: "Your choices" });
  await centre.waitFor();
  return centre;
}

test("a_click_becomes_a_decision_and_can_be_taken_back", async (t) => {
  const { context, page, requests, errors } = await newVisitor();
  const frame = page.locator('iframe[data-consent-processor="kling"]');
  /** @param {string} name */
  const button = (name) => page.getByRole("button", { name, exact: true });

  await t.test("r7_before_a_choice_nothing_non_essential_is_loaded_or_stored", async () => {
    await page.goto(house.origin);
    await button("Refuse all").waitFor();
    const foreign = requests.filter((url) => ![house.origin, house.server.url].includes(new URL(url).origin));
    assert.deepEqual(foreign, []);
    assert.ok(!requests.some((url) => /analytics|showcase|\/v1\//.test(url)), requests.join("\n"));
    assert.deepEqual(await context.cookies(), []);
    assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
    assert.equal(await page.evaluate(() => consentry.subject), null);
    assert.equal(await frame.getAttribute("src"), null);
  });

  await t.test("refused_and_the_back_end_denies_with_its_reason", async () => {
    await button("Refuse all").click();
    await synced(page, "saved");
    const decision = await ask(await subjectOf(page), "kling");
    assert.deepEqual([decision.allow, decision.reason, decision.decided_by], [false, "refused", "downstream-ai"]);
    await button("Render clip").click();
    await page.getByText("you refused it").waitFor();
    assert.ok(!requests.some((url) => /analytics|showcase/.test(url)));
  });

  await t.test("granted_with_one_processor_off", async () => {
    const centre = await openCentre(page);
    const switches = await centre.getByRole("switch").all();
    assert.equal(switches.length, 8);
    for (const one of switches) assert.equal(await one.getAttribute("aria-checked"), "false");
    for (const name of ["AI processors", "Kie.AI", "Google Gemini", "Seedance (ByteDance)"]) {
      await centre.getByRole("switch", { name, exact: true }).click();
    }
    await centre.getByRole("button", { name: "Save choice" }).click();
    await centre.waitFor({ state: "detached" });
    await synced(page, "saved");
    const subject = await subjectOf(page);
    const [gemini, kling] = [await ask(subject, "gemini"), await ask(subject, "kling")];
    assert.deepEqual([gemini.allow, gemini.reason], [true, "given"]);
    assert.deepEqual([kling.allow, kling.decided_by, kling.features_lost], [false, "downstream-ai/kling", ["advanced-animation"]]);
    assert.deepEqual([await can(page, "downstream-ai/gemini"), await can(page, "downstream-ai/kling")], [true, false]);
    assert.equal(await frame.getAttribute("src"), null);
  });

  await t.test("accepted_and_the_gate_opens", async () => {
    const centre = await openCentre(page);
    await centre.getByRole("button", { name: "Accept all" }).click();
    await synced(page, "saved");
    assert.equal((await ask(await subjectOf(page), "kling")).allow, true);
    assert.equal(await frame.getAttribute("src"), "/showcase.html");
    assert.ok(requests.some((url) => url.endsWith("/analytics.js")));
    await button("Render clip").click();
    await page.getByText("Your photo went to Kling: you allowed it.").waitFor();
  });

  await t.test("withdrawn_offline_the_gate_closes_at_once_and_the_server_learns_it_later", async () => {
    await context.setOffline(true);
    const centre = await openCentre(page);
    const all = centre.getByRole("switch", { name: "AI processors", exact: true });
    assert.equal(await all.getAttribute("aria-checked"), "true");
    await all.click();
    await centre.getByText(/Stops working.*Advanced animation/).waitFor();
    assert.equal(await can(page, "downstream-ai/kling"), true, "nothing changes before it is saved");
    await centre.getByRole("button", { name: "Save choice" }).click();
    assert.equal(await can(page, "downstream-ai/kling"), false);
    assert.equal(await can(page, "ai-training"), true, "a withdrawal costs nothing else");
    assert.equal(await frame.getAttribute("src"), null);
    await synced(page, "offline");
    const subject = await subjectOf(page);
    assert.equal((await ask(subject, "kling")).allow, true, "the server cannot know yet");

    await context.setOffline(false);
    await synced(page, "saved");
    const decision = await ask(subject, "kling");
    assert.deepEqual([decision.allow, decision.reason, decision.features_lost.length], [false, "withdrawn", 4]);
    await button("Render clip").click();
    await page.getByText("you withdrew it").waitFor();
  });

  await t.test("a_returning_visitor_fetches_the_loader_and_what_stands_for_a_closed_frame_and_no_widget", async () => {
    requests.length = 0;
    await page.reload();
    await page.evaluate(() => new Promise((resolve) => requestIdleCallback(resolve)));
    const fromServer = requests.filter((url) => url.startsWith(house.server.url));
    assert.equal(fromServer[0], `${house.server.url}/adforge.js`);
    assert.ok(fromServer.slice(1).every((url) => /\/assets\/(more\.\w+\.js|adforge\.en\.opt-in\.\w+\.json)$/.test(url)), fromServer.join());
    assert.equal(await button("Refuse all").count(), 0);
    assert.deepEqual([await can(page, "downstream-ai/kling"), await can(page, "analytics")], [false, true]);
  });

  await t.test("r5_escape_grants_nothing_and_r11_the_centre_shows_the_state_as_it_is", async () => {
    const centre = await openCentre(page);
    const training = centre.getByRole("switch", { name: "AI training", exact: true });
    assert.equal(await training.getAttribute("aria-checked"), "true");
    assert.equal(await centre.getByRole("switch", { name: "AI processors", exact: true }).getAttribute("aria-checked"), "false");
    await training.click();
    await page.keyboard.press("Escape");
    await centre.waitFor({ state: "detached" });
    assert.equal(await can(page, "ai-training"), true);
    const focused = await page.evaluate(() => document.activeElement?.textContent);
    assert.equal(focused, "Privacy choices");
  });

  assert.deepEqual(errors, []);
  await context.close();
});

test("the_record_is_the_devices_alone", async () => {
  const { context, page } = await newVisitor();
  await page.goto(house.origin);
  await page.getByRole("button", { name: "Accept all" }).click();
  await synced(page, "saved");
  const read = (/** @type {string} */ secret) =>
    page.evaluate(
      async ([server, own]) => {
        const stored = JSON.parse(localStorage["consentry:adforge"]);
        const token = `Bearer ${stored.subject}.${own || stored.secret}`;
        const response = await fetch(`${server}/v1/sites/adforge/record`, { headers: { Authorization: token } });
        return { status: response.status, body: await response.json() };
      },
      [house.server.url, secret],
    );
  const own = await read("");
  assert.equal(own.status, 200);
  assert.equal(own.body.events.length, 1);
  assert.equal(own.body.events[0].choice.stances["downstream-ai/kling"], "grant");
  assert.equal((await read("A".repeat(43))).status, 403);
  await context.close();
});
