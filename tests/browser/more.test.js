/** The elements, the placeholders, and the rest of `window.consentry`. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { CONSENTRY, GERMAN, OTHERS, pageWith } from "./stage.js";
import { STRICT_CSP, asset, fullBoot, fullTests, nextEvent, send, strictPage } from "./stage-more.js";

/** @import { FullStage } from "./stage-more.js" */

const onStage = fullTests();
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** @param {string} body @param {string} [head] */
const shop = (body, head) => ({ html: pageWith(`<main><h1>Shop</h1>${body}</main>`, head) });
const frame = (attributes = 'data-consent="analytics" width="560" height="315"') =>
  `<iframe title="Film" data-src="${OTHERS}/film" ${attributes}></iframe>`;
const GATE = `<consentry-gate purpose="analytics"><p id="always">Chart</p><template><p id="cloned">Numbers</p></template></consentry-gate>`;
const offer = (/** @type {FullStage} */ stage) => stage.page.getByText("is off, so this is not loaded.");

/** @param {FullStage} stage @param {Record<string, boolean>} stances */
const set = (stage, stances) => stage.page.evaluate((stances) => consentry.set(stances), stances);

/** As a page that asks for leave at every click: refusals need none. */
const byScript = fullBoot({ script: true });

/** What a promise in the page is rejected with. @param {FullStage} stage @param {string} call */
const rejection = (stage, call) =>
  stage.page.evaluate(
    (call) =>
      eval(call).then(
        () => "",
        (/** @type {Error} */ error) => error.message,
      ),
    call,
  );

onStage("a_gate_says_what_is_off_and_loads_nothing", { ...shop(GATE), more: false }, async (stage) => {
  await offer(stage).waitFor();
  assert.equal(await offer(stage).textContent(), "“Analytics cookies” is off, so this is not loaded.");
  assert.equal(await stage.page.locator("#cloned").count(), 0);
  assert.equal(await stage.page.locator("#always").isVisible(), false);
});

onStage("a_gate_opens_by_its_own_button_as_a_choice_of_that_purpose_on_the_page", shop(GATE), async (stage) => {
  await stage.page.getByRole("button", { name: "Allow and load" }).click();
  await stage.page.locator("#cloned").waitFor();
  assert.equal(await stage.page.locator("#always").isVisible(), true);
  assert.equal(await offer(stage).count(), 0);
  const [choice] = (await stage.stored()).choices;
  assert.deepEqual([choice.surface, choice.stances], ["page", { analytics: "grant" }]);
  const focused = await stage.page.evaluate(() => document.activeElement?.localName);
  assert.equal(focused, "consentry-gate", "the focus stays where it was");
});

onStage(
  "a_gate_of_a_processor_names_it_and_grants_its_purpose_too",
  shop(`<consentry-gate purpose="downstream-ai" processor="kling"><p id="clip">Clip</p></consentry-gate>`),
  async (stage) => {
    await stage.page.getByText("“Kling” is off").waitFor();
    await stage.page.getByRole("button", { name: "Allow and load" }).click();
    await stage.page.locator("#clip").waitFor();
    const [{ stances }] = (await stage.stored()).choices;
    assert.deepEqual(stances, { "downstream-ai": "grant", "downstream-ai/kling": "grant" });
  },
);

onStage("a_withdrawal_closes_the_gate_and_takes_its_template_out_again", shop(GATE), async (stage) => {
  await stage.press("Accept all");
  await stage.page.locator("#cloned").waitFor();
  await set(stage, { analytics: false });
  await offer(stage).waitFor();
  assert.equal(await stage.page.locator("#cloned").count(), 0);
  await stage.page.getByRole("button", { name: "Allow and load" }).click();
  await stage.page.locator("#always").waitFor();
  assert.equal(await stage.page.locator("#cloned").count(), 1);
});

onStage("choose_at_a_gate_opens_the_preference_centre", shop(GATE), async (stage) => {
  await stage.press("Refuse all");
  await stage.press("Choose");
  await stage.page.locator("consentry-centre").waitFor({ state: "attached" });
});

onStage(
  "a_gate_of_what_the_policy_does_not_know_stays_closed_and_offers_nothing",
  shop(`<consentry-gate purpose="analytic"><p id="x">X</p></consentry-gate>`),
  async (stage) => {
    await stage.press("Accept all");
    assert.equal(await stage.page.locator("#x").isVisible(), false);
    assert.equal(await offer(stage).count(), 0);
  },
);

onStage(
  "what_other_systems_call_a_purpose_works_at_gates_and_toggles_too",
  {
    ...shop(`<consentry-gate purpose="stats"><p id="x">X</p></consentry-gate><consentry-toggle purpose="stats"></consentry-toggle>`),
    boot: fullBoot({ names: { stats: "analytics" } }),
  },
  async (stage) => {
    await stage.page.getByText("“Analytics cookies” is off").waitFor();
    await stage.page.getByRole("button", { name: "toggle analytics" }).waitFor();
    await stage.page.getByRole("button", { name: "Allow and load" }).click();
    await stage.page.locator("#x").waitFor();
  },
);

onStage("a_gate_follows_its_attributes_and_properties", { ...shop(GATE), boot: byScript }, async (stage) => {
  await set(stage, { marketing: true });
  const gate = stage.page.locator("consentry-gate");
  await gate.evaluate((gate) => Object.assign(gate, { purpose: "marketing" }));
  assert.equal(await gate.getAttribute("purpose"), "marketing");
  assert.equal(await stage.page.locator("#cloned").isVisible(), true);
  await gate.evaluate((gate) => gate.setAttribute("processor", "kling"));
  assert.equal(await stage.page.locator("#cloned").count(), 0);
  await gate.evaluate((gate) => Object.assign(gate, { processor: null }));
  assert.equal(await gate.getAttribute("processor"), null);
  assert.equal(await stage.page.locator("#cloned").isVisible(), true);
});

onStage("an_element_made_by_a_framework_before_we_came_keeps_its_properties", { ...shop(""), more: false }, async (stage) => {
  await stage.page.evaluate(() => {
    const toggle = Object.assign(document.createElement("consentry-toggle"), { purpose: "downstream-ai", processor: "kling" });
    document.querySelector("main")?.append(toggle);
  });
  await stage.page.getByRole("button", { name: "toggle downstream-ai/kling" }).waitFor();
  assert.equal(await stage.page.locator("consentry-toggle").getAttribute("processor"), "kling");
});

onStage("children_that_come_later_are_shown_as_well", { ...shop(GATE) }, async (stage) => {
  await stage.press("Accept all");
  await stage.page.evaluate(() => {
    const template = document.createElement("template");
    template.content.append(Object.assign(document.createElement("p"), { id: "later" }));
    document.querySelector("consentry-gate")?.append(template);
  });
  await stage.page.locator("#later").waitFor({ state: "attached" });
});

onStage(
  "toggles_and_preferences_are_drawn_by_the_widget_and_again_after_a_change",
  { ...shop(`<consentry-toggle purpose="analytics"></consentry-toggle><consentry-preferences></consentry-preferences>`), more: false },
  async (stage) => {
    await stage.page.getByRole("button", { name: "toggle analytics" }).waitFor();
    await stage.page.getByRole("button", { name: "preferences" }).waitFor();
    const drawn = () => stage.page.evaluate(() => /** @type {any} */ (window).drawn);
    assert.deepEqual(await drawn(), [
      ["toggle", "analytics", 0],
      ["preferences", "", 0],
    ]);
    await stage.press("Accept all");
    await stage.page.waitForFunction(() => /** @type {any} */ (window).drawn.length >= 4);
    assert.deepEqual((await drawn()).slice(2, 4), [
      ["toggle", "analytics", 1],
      ["preferences", "", 1],
    ]);
  },
);

onStage(
  "a_choice_that_changes_nothing_on_the_page_is_drawn_too",
  { ...shop(`<consentry-toggle purpose="analytics"></consentry-toggle>`) },
  async (stage) => {
    await stage.page.getByRole("button", { name: "toggle analytics" }).waitFor();
    await stage.press("Refuse all");
    await stage.page.waitForFunction(() => /** @type {any} */ (window).drawn.at(-1)[2] === 1);
  },
);

onStage(
  "a_toggle_that_leaves_the_page_is_given_up_and_may_come_back",
  { ...shop(`<consentry-toggle purpose="analytics"></consentry-toggle>`) },
  async (stage) => {
    await stage.page.getByRole("button", { name: "toggle analytics" }).waitFor();
    const last = await stage.page.evaluate(() => {
      const toggle = /** @type {Element} */ (document.querySelector("consentry-toggle"));
      toggle.remove();
      const last = /** @type {any} */ (window).drawn.at(-1);
      document.querySelector("main")?.append(toggle);
      return last;
    });
    assert.deepEqual(last, ["unmount", "consentry-toggle"]);
    await stage.page.waitForFunction(() => /** @type {any} */ (window).drawn.at(-1)[0] === "toggle");
  },
);

onStage(
  "where_the_widget_cannot_run_a_toggle_says_so",
  {
    ...shop(`<consentry-toggle purpose="analytics"></consentry-toggle>`),
    headers: { "Content-Security-Policy": `script-src ${CONSENTRY} 'unsafe-eval'` },
    boot: fullBoot({ widget: { wasm: ["/assets/gone.wasm", ""] } }),
  },
  async (stage) => {
    await stage.page.getByText("The choices in detail could not be loaded.").waitFor();
  },
);

// ── Placeholders ────────────────────────────────────────────────────────────────────────────────

/** Where everything in the page is. @param {FullStage} stage */
const layout = (stage) =>
  stage.page.evaluate(() =>
    ["h1", "#before", "#after", "main"].map((selector) => {
      const { x, y, width, height } = /** @type {Element} */ (document.querySelector(selector)).getBoundingClientRect();
      return [selector, ...[x, y, width, height].map(Math.round)];
    }),
  );

/** @param {FullStage} stage @param {string} selector */
const box = async (stage, selector) => {
  const found = await stage.page.locator(selector).boundingBox();
  return found && rounded(found);
};

/** Chromium lays out in 64ths of a pixel. @param {Record<string, number>} box */
const rounded = (box) => Object.fromEntries(Object.entries(box).map(([side, value]) => [side, Math.round(value * 10) / 10]));

for (const [name, attributes, css] of [
  ["attributes", 'width="560" height="315"', ""],
  ["its_default_size", "", ""],
  ["a_ratio_of_its_parents_width", "", "iframe { display: block; width: 80%; aspect-ratio: 16/9; margin: 1em auto; border: 0 }"],
  ["a_flex_container", "", "#wrap { display: flex; gap: 9px } iframe { flex: 1; height: 200px; padding: 7px }"],
  ["a_grid", "", "#wrap { display: grid; grid-template-columns: 1fr 2fr } iframe { grid-column: 2; width: 100%; height: 150px }"],
  [
    "an_absolute_place",
    "",
    "#wrap { position: relative; padding-top: 56.25% } iframe { position: absolute; inset: 0; width: 100%; height: 100% }",
  ],
  ["a_float", "", "iframe { float: right; width: 300px; height: 180px; margin: 3px 20px }"],
]) {
  onStage(
    `a_placeholder_has_the_box_of_its_embed_by_${name}`,
    {
      ...shop(
        `<p id="before">Before</p><div id="wrap">${frame(`data-consent="analytics" ${attributes}`)}</div><p id="after">After</p>`,
        css && `<style>${css}</style>`,
      ),
    },
    async (stage) => {
      await stage.page.locator("consentry-placeholder").waitFor();
      const [closed, placeholder] = [await layout(stage), await box(stage, "consentry-placeholder")];
      await stage.press("Accept all");
      assert.deepEqual(await layout(stage), closed);
      assert.deepEqual(await box(stage, "iframe"), placeholder);
      assert.equal(await stage.page.locator("consentry-placeholder").count(), 0);
      assert.equal(await stage.page.locator("iframe").getAttribute("style"), null);
      await set(stage, { analytics: false });
      assert.deepEqual(await layout(stage), closed);
      assert.deepEqual(await box(stage, "consentry-placeholder"), placeholder);
      await stage.page.setViewportSize({ width: 700, height: 600 });
      await stage.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      const narrow = await box(stage, "consentry-placeholder");
      const own = await stage.page.locator("iframe").evaluate((frame) => {
        document.querySelector("consentry-placeholder")?.remove();
        frame.removeAttribute("style");
        const { x, y, width, height } = frame.getBoundingClientRect();
        return { x, y, width, height };
      });
      assert.deepEqual(rounded(own), narrow, "it follows its parent");
    },
  );
}

onStage("allow_and_load_opens_the_embed_and_the_focus_goes_there", shop(frame()), async (stage) => {
  await stage.page.getByRole("button", { name: "Allow and load" }).click();
  await stage.page.frameLocator("iframe").getByText("film").waitFor();
  assert.equal(await stage.page.evaluate(() => document.activeElement?.localName), "iframe");
});

onStage(
  "an_embed_that_needs_several_says_which_are_off",
  shop(frame('data-consent="analytics & marketing | downstream-ai"')),
  async (stage) => {
    await stage.page.getByText("“Analytics cookies, Marketing” is off").waitFor();
    await stage.page.getByRole("button", { name: "Allow and load" }).click();
    await stage.page.waitForFunction(() => consentry.can("marketing"));
    const [{ stances }] = (await stage.stored()).choices;
    assert.deepEqual(stances, { analytics: "grant", marketing: "grant" });
  },
);

for (const [name, body] of [
  ["that_says_none", frame('data-consent="analytics" data-consent-placeholder="none"')],
  ["of_one_pixel", frame('data-consent="analytics" width="1" height="1"')],
  ["that_no_grant_opens", frame('data-consent="!security"')],
  ["that_is_open", frame('data-consent="security"')],
]) {
  onStage(`an_embed_${name}_gets_no_placeholder`, shop(body), async (stage) => {
    assert.equal(await stage.page.locator("consentry-placeholder").count(), 0);
    assert.equal(await stage.page.locator("iframe").isVisible(), true);
  });
}

onStage(
  "video_embed_and_object_get_placeholders_also_when_they_come_later",
  shop(`<video data-consent="analytics" data-src="${OTHERS}/v" width="300" height="200"></video>`),
  async (stage) => {
    await stage.page.evaluate(() => {
      for (const [tag, name] of [
        ["object", "data-data"],
        ["embed", "data-src"],
      ]) {
        const element = document.createElement(tag);
        for (const [key, value] of Object.entries({
          "data-consent": "analytics",
          "data-src": "/x",
          width: "200",
          height: "100",
          [name]: "/x",
        })) {
          element.setAttribute(key, value);
        }
        document.querySelector("main")?.append(element);
      }
    });
    await stage.page.waitForFunction(() => document.querySelectorAll("consentry-placeholder").length === 3);
    await stage.page.evaluate(() => document.querySelector("embed")?.remove());
    await stage.page.waitForFunction(() => document.querySelectorAll("consentry-placeholder").length === 2);
  },
);

onStage(
  "klaros_own_placeholder_is_shown_while_closed_and_takes_the_place_of_ours",
  {
    ...shop(
      `<div><div id="theirs" data-type="placeholder" data-name="analytics" style="display:none">Theirs</div>${frame('data-name="analytics" width="300" height="200"')}</div>`,
    ),
  },
  async (stage) => {
    await stage.page.locator("#theirs").waitFor();
    assert.equal(await stage.page.locator("consentry-placeholder").count(), 0);
    assert.equal(await stage.page.locator("iframe").isVisible(), false);
    await stage.press("Accept all");
    assert.equal(await stage.page.locator("#theirs").isVisible(), false);
    assert.equal(await stage.page.locator("iframe").isVisible(), true);
  },
);

for (const [name, colorScheme] of /** @type {["light" | "dark", "light" | "dark"][]} */ ([
  ["light", "light"],
  ["dark", "dark"],
])) {
  onStage(
    `axe_finds_nothing_in_gates_and_placeholders_in_${name}`,
    { ...shop(`${GATE}${frame()}${frame('data-consent="marketing" width="200" height="90"')}`), context: { colorScheme } },
    async (stage) => {
      await stage.page.getByText("“Marketing” is off").waitFor();
      await stage.page.evaluate(AXE);
      const found = await stage.page.evaluate(async () => {
        const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
      });
      assert.deepEqual(found, []);
    },
  );
}

onStage(
  "under_a_strict_policy_and_trusted_types_gates_placeholders_and_toggles_work",
  {
    html: strictPage(`${GATE}${frame()}<consentry-toggle purpose="marketing"></consentry-toggle>`),
    headers: { "Content-Security-Policy": STRICT_CSP },
  },
  async (stage) => {
    await stage.page.evaluate(() => {
      window.ran.length = 0;
      document.addEventListener("securitypolicyviolation", ({ violatedDirective }) => window.ran.push(violatedDirective));
    });
    await stage.page.getByRole("button", { name: "toggle marketing" }).waitFor();
    assert.equal(
      await stage.page.locator("consentry-placeholder").evaluate((host) => host.getBoundingClientRect().height > 315),
      true,
    );
    await stage.page.getByRole("button", { name: "Allow and load" }).first().click();
    await stage.page.locator("#cloned").waitFor();
    await stage.page.frameLocator("iframe").getByText("film").waitFor();
    await stage.page.evaluate(() => consentry.set({ analytics: false }));
    await offer(stage).first().waitFor();
    assert.deepEqual(await stage.page.evaluate(() => window.ran), []);
    assert.deepEqual(stage.errors, []);
  },
);

onStage(
  "where_webassembly_is_forbidden_a_gate_says_what_still_works_and_set_what_to_do",
  { html: strictPage(GATE), headers: { "Content-Security-Policy": STRICT_CSP.replace(" 'wasm-unsafe-eval'", "") } },
  async (stage) => {
    const error = await stage.page.evaluate(() => consentry.set({ analytics: false }).catch((error) => error.message));
    assert.match(error, /add 'wasm-unsafe-eval' to `script-src`/);
    await stage.page.getByRole("button", { name: "Allow and load" }).click();
    await stage.page.getByText("You can still accept or refuse all").first().waitFor();
    await stage.press("Accept all");
    await stage.page.locator("#cloned").waitFor();
  },
);

// ── set, record, receipt, export ────────────────────────────────────────────────────────────────

onStage("set_makes_one_choice_by_script_and_settles_when_the_page_obeys", { boot: byScript }, async (stage) => {
  const now = await stage.page.evaluate(async () => {
    await consentry.set({ marketing: true, analytics: false });
    return [consentry.can("marketing"), consentry.can("analytics")];
  });
  assert.deepEqual(now, [true, false]);
  const [choice] = (await stage.stored()).choices;
  assert.deepEqual([choice.surface, choice.stances], ["script", { marketing: "grant", analytics: "refuse" }]);
  const { centre, server, stances } = await stage.page.evaluate(() => /** @type {any} */ (window).setDetail);
  assert.deepEqual([centre.language, server, stances.marketing], ["en", true, "grant"]);
});

for (const [call, message] of [
  ["consentry.set({ nonsense: false })", /`nonsense` is not in the policy: choose of ai-training, analytics/],
  ["consentry.set({ security: false })", /`security` is always on/],
  ["consentry.set({})", /name at least one purpose/],
  ["consentry.language('xx')", /no texts in `xx`: there are en, de, ar/],
]) {
  onStage(`${call}_is_rejected_clearly`, {}, async (stage) => {
    assert.match(await rejection(stage, String(call)), /** @type {RegExp} */ (message));
    assert.equal(await stage.stored(), null);
  });
}

onStage("a_choice_that_the_widget_will_not_make_is_rejected", { boot: byScript }, async (stage) => {
  await stage.page.evaluate(() => Object.assign(window, { silent: true }));
  assert.match(await rejection(stage, "consentry.set({ marketing: true })"), /the widget did not answer/);
});

onStage("the_record_is_the_servers_and_goes_to_the_history_that_is_shown", {}, async (stage) => {
  assert.equal(await stage.page.evaluate(() => consentry.record()), null, "nothing is known before the first choice");
  await stage.press("Refuse all");
  await stage.synced("saved");
  const { subject, secret } = await stage.stored();
  const events = [{ type: "chosen", seq: 1, at_ms: 5, choice: { id: "c" } }];
  stage.answers.record = { status: 200, body: { v: 1, events } };
  const heard = await nextEvent(stage.page, "record");
  assert.deepEqual(await stage.page.evaluate(() => consentry.record()), { v: 1, events });
  assert.deepEqual((await heard()).record, events);
  assert.equal(stage.asked[0].token, `Bearer ${subject}.${secret}`);
  const again = await nextEvent(stage.page, "record");
  await stage.page.evaluate(() => consentry.open());
  assert.deepEqual((await again()).record, events, "also once the centre is open");
});

for (const [name, changes, answer] of /** @type {[string, Record<string, unknown>, any][]} */ ([
  ["offline", {}, "offline"],
  ["where_the_server_knows_nothing", {}, undefined],
  ["without_a_server", { local: true }, undefined],
])) {
  onStage(`the_record_${name}_is_what_this_browser_has`, { boot: fullBoot(changes) }, async (stage) => {
    await stage.press("Refuse all");
    await stage.page.waitForFunction(() => consentry.subject !== null);
    if (answer) stage.answers.record = answer;
    const record = await stage.page.evaluate(() => consentry.record());
    assert.deepEqual(
      record?.events.map(({ type, choice }) => [type, /** @type {any} */ (choice).outcome]),
      [["chosen", "all-refused"]],
    );
    assert.equal("at_ms" in /** @type {any} */ (record?.events[0].choice), false);
    if (name === "without_a_server") assert.deepEqual(stage.asked, []);
  });
}

onStage("a_receipt_is_the_latest_or_that_one_or_none", {}, async (stage) => {
  assert.equal(await stage.page.evaluate(() => consentry.receipt()), null);
  await stage.press("Refuse all");
  await stage.synced("saved");
  await set(stage, { analytics: false });
  await stage.page.waitForFunction(() =>
    JSON.parse(localStorage["consentry:adforge"]).choices.every((/** @type {any} */ choice) => choice.receipt),
  );
  const [first, second] = (await stage.stored()).choices;
  assert.equal((await stage.page.evaluate(() => consentry.receipt()))?.id, second.id);
  assert.equal((await stage.page.evaluate((id) => consentry.receipt(id), first.id))?.id, first.id);
  assert.equal(await stage.page.evaluate(() => consentry.receipt("none")), null);
});

onStage("an_export_has_all_but_the_secret", {}, async (stage) => {
  await stage.press("Refuse all");
  await stage.synced("saved");
  const { subject, secret, choices } = await stage.stored();
  const exported = /** @type {any} */ (await stage.page.evaluate(() => consentry.export()));
  assert.equal(exported.subject, `device:${subject}`);
  assert.equal(exported.policy, fullBoot().policy);
  assert.deepEqual(exported.choices, choices);
  assert.equal(exported.record.events[0].seq, 1);
  assert.ok(!JSON.stringify(exported).includes(secret));
});

onStage("an_export_has_what_the_server_keeps_and_what_it_is_where_the_server_is_away", {}, async (stage) => {
  await stage.press("Refuse all");
  await stage.synced("saved");
  const kept = { v: 1, site: "adforge", events: [], cases: [{ right: "access", state: "received" }] };
  stage.answers.export = { status: 200, body: kept };
  const exported = () => stage.page.evaluate(() => consentry.export());
  assert.deepEqual(/** @type {any} */ (await exported()).record, kept);
  stage.answers.export = "offline";
  const { record } = /** @type {any} */ (await exported());
  assert.deepEqual([record.events.length, record.cases], [1, undefined]);
});

// ── Demands ─────────────────────────────────────────────────────────────────────────────────────

/** The file that the page hands out when `act` is done. @param {FullStage} stage @param {() => Promise<unknown>} act */
async function downloaded(stage, act) {
  const [file] = await Promise.all([stage.page.waitForEvent("download"), act()]);
  return { name: file.suggestedFilename(), contents: JSON.parse(readFileSync(await file.path(), "utf8")) };
}

onStage(
  "the_centre_exports_and_hands_out_receipts_as_files_also_under_a_strict_policy",
  { html: strictPage("<p>Goods</p>"), headers: { "Content-Security-Policy": STRICT_CSP } },
  async (stage) => {
    await stage.press("Refuse all");
    await stage.synced("saved");
    const [{ id }] = (await stage.stored()).choices;
    const done = await nextEvent(stage.page, "done");
    const all = await downloaded(stage, () => send(stage.page, "demand", { right: "export", lifted: false }));
    assert.deepEqual([all.name, all.contents.site], ["adforge-consent.json", "adforge"]);
    assert.deepEqual(await done(), { v: 1, right: "export", lifted: false, ok: true });
    const receipt = await downloaded(stage, () => send(stage.page, "receipt", { id }));
    assert.deepEqual([receipt.name, receipt.contents.id], [`adforge-receipt-${id}.json`, id]);
  },
);

onStage("a_receipt_comes_with_its_proof_where_the_server_has_it", {}, async (stage) => {
  await stage.press("Refuse all");
  await stage.synced("saved");
  const { subject, secret, choices } = await stage.stored();
  const [{ id }] = choices;
  const proven = { v: 1, site: "adforge", seq: 0, entry: {}, proof: [], checkpoint: "…" };
  stage.answers[`receipts/${id}`] = { status: 200, body: proven };
  const receipt = await downloaded(stage, () => send(stage.page, "receipt", { id }));
  assert.deepEqual([receipt.name, receipt.contents], [`adforge-receipt-${id}.json`, proven]);
  assert.equal(stage.asked.find(({ path }) => path.startsWith("receipts/"))?.token, `Bearer ${subject}.${secret}`);
  stage.answers[`receipts/${id}`] = "offline";
  const fallback = await downloaded(stage, () => send(stage.page, "receipt", { id }));
  assert.equal(fallback.contents.id, id, "what is stored does without the server");
});

onStage("a_receipt_that_does_not_exist_yet_is_an_error_event", {}, async (stage) => {
  const error = await nextEvent(stage.page, "error");
  await send(stage.page, "receipt", { id: "0198" });
  assert.match((await error()).message, /`0198` has no receipt yet/);
});

onStage("access_opens_the_controllers_address", {}, async (stage) => {
  const done = await nextEvent(stage.page, "done");
  await stage.page.evaluate(() => {
    document.addEventListener("click", (event) => {
      window.ran.push(/** @type {HTMLAnchorElement} */ (event.target).href);
      event.preventDefault();
    });
  });
  await send(stage.page, "demand", { right: "access", lifted: false });
  assert.equal((await done()).ok, true);
  assert.deepEqual(await stage.page.evaluate(() => window.ran), ["mailto:privacy@adforge.example"]);
});

onStage("a_restriction_closes_at_once_is_sent_and_gives_back_what_was_when_it_is_lifted", {}, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  const before = await stage.allowed();
  const done = await nextEvent(stage.page, "done");
  const ends = before.filter((/** @type {string} */ target) => !["security", "service-messages"].includes(target));
  await send(stage.page, "demand", { right: "restriction", lifted: false, ends, allowed: ["security", "service-messages"] });
  assert.deepEqual(await done(), { v: 1, right: "restriction", lifted: false, ok: true });
  assert.deepEqual(await stage.allowed(), ["security", "service-messages"].toSorted());
  await stage.synced("saved");
  const { choice: sent } = stage.posts[1];
  const { id, ...rest } = sent;
  assert.deepEqual(rest, { v: 1, demand: "restriction" });
  const { demands, queue } = await stage.stored();
  assert.deepEqual([demands[0].id, demands[0].demand, demands[0].at_ms > 0, queue], [id, "restriction", true, []]);
  await stage.visit("/again");
  await stage.page.evaluate(() => consentry.receipt());
  assert.equal(await stage.page.evaluate(() => consentry.can("analytics")), false, "on the next page too");
  await stage.page.evaluate(() => document.body.append(Object.assign(document.createElement("button"), { textContent: "Yes to all" })));
  await stage.page.evaluate(() => document.querySelector("body > button:last-child")?.setAttribute("data-consentry", "accept-all"));
  await stage.press("Yes to all");
  assert.deepEqual(await stage.allowed(), ["security", "service-messages"], "whatever is chosen while it stands");
  await stage.synced("saved");
  const lifted = await nextEvent(stage.page, "done");
  await send(stage.page, "demand", { right: "restriction", lifted: true, ends: [], allowed: before });
  await lifted();
  assert.deepEqual(await stage.allowed(), before);
  await stage.synced("saved");
  assert.equal(stage.posts.at(-1)?.choice.lifted, true);
});

onStage("an_objection_ends_what_the_core_says_and_what_was_chosen_since_stays", {}, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  const objected = await nextEvent(stage.page, "done");
  await send(stage.page, "demand", { right: "objection", lifted: false, ends: ["marketing"], allowed: [] });
  await objected();
  const can = () => stage.page.evaluate(() => ["marketing", "analytics"].map((name) => consentry.can(name)));
  assert.deepEqual(await can(), [false, true]);
  await set(stage, { analytics: false });
  const lifted = await nextEvent(stage.page, "done");
  const { allowed } = await stage.stored();
  await send(stage.page, "demand", { right: "objection", lifted: true, ends: [], allowed: [...allowed, "marketing"] });
  await lifted();
  assert.deepEqual(await can(), [true, false]);
});

onStage(
  "an_objection_before_any_choice_closes_nothing_else",
  { boot: fullBoot({ regime: "opt-out", allowed: { ...fullBoot().allowed, nothing: ["analytics", "marketing", "security"] } }) },
  async (stage) => {
    const done = await nextEvent(stage.page, "done");
    await send(stage.page, "demand", { right: "objection", lifted: false, ends: ["marketing"], allowed: ["analytics", "security"] });
    await done();
    assert.deepEqual(await stage.allowed(), ["analytics", "security"]);
  },
);

onStage("an_erasure_is_demanded_closes_the_gate_and_forgets", {}, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  const { subject, secret } = await stage.stored();
  stage.answers.demands = { status: 201, body: { v: 1 } };
  await stage.page.evaluate(() => consentry.erase());
  assert.equal(stage.asked[0].token, `Bearer ${subject}.${secret}`);
  assert.equal(stage.asked[0].body.demand, "erasure");
  assert.equal(await stage.page.evaluate(() => localStorage.getItem("consentry:adforge")), null);
  assert.equal(await stage.page.evaluate(() => consentry.can("analytics")), false);
  await stage.visit("/again");
  await stage.banner.waitFor();
});

onStage("an_erasure_that_does_not_arrive_closes_all_the_same_and_says_so", {}, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  stage.answers.demands = "offline";
  const done = await nextEvent(stage.page, "done");
  await send(stage.page, "demand", { right: "erasure", lifted: false });
  assert.equal((await done()).ok, false);
  assert.equal(await stage.page.evaluate(() => consentry.can("analytics")), false);
  assert.equal((await stage.stored()).allowed.includes("analytics"), false, "for the next page as well");
  assert.ok((await stage.stored()).secret, "which the next attempt needs");
});

onStage("without_a_server_erasing_is_forgetting", { boot: fullBoot({ local: true }) }, async (stage) => {
  await stage.press("Accept all");
  await stage.page.evaluate(() => consentry.erase());
  assert.equal(await stage.page.evaluate(() => localStorage.getItem("consentry:adforge")), null);
  assert.deepEqual(stage.asked, []);
});

onStage("a_reset_forgets_and_asks_again", {}, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  const { subject } = await stage.stored();
  await stage.page.evaluate(() => consentry.reset());
  await stage.banner.waitFor();
  assert.equal(await stage.page.evaluate(() => consentry.can("analytics")), false);
  await stage.press("Refuse all");
  assert.notEqual((await stage.stored()).subject, subject);
});

// ── Accounts, language, other systems ───────────────────────────────────────────────────────────

onStage("of_device_and_account_what_both_allow_is_obeyed_and_not_stored", {}, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  const { subject, secret, allowed } = await stage.stored();
  stage.answers.identity = {
    status: 200,
    body: { v: 1, account: "account:1", allowed: ["analytics", "security", "unheard"], until_ms: Date.now() + 1e6 },
  };
  await stage.page.evaluate(() => consentry.identify("signed"));
  assert.deepEqual([stage.asked[0].token, stage.asked[0].body], [`Bearer ${subject}.${secret}`, { v: 1, token: "signed" }]);
  assert.deepEqual(await stage.allowed(), ["analytics", "security"]);
  assert.deepEqual((await stage.stored()).allowed, allowed);
  await stage.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  assert.deepEqual(await stage.allowed(), ["analytics", "security"], "still, when the page is looked at again");
  await stage.page.evaluate(() => consentry.signOut());
  assert.deepEqual(await stage.allowed(), allowed);
});

onStage("a_token_that_is_not_believed_is_an_error_and_changes_nothing", {}, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  stage.answers.identity = { status: 403, body: { title: "the token is not signed by this site" } };
  const error = await nextEvent(stage.page, "error");
  assert.match(await rejection(stage, "consentry.identify('forged')"), /the token is not signed by this site/);
  assert.equal((await error()).what, "identity");
  assert.equal(await stage.page.evaluate(() => consentry.can("analytics")), true);
});

for (const [name, changes, address] of /** @type {[string, Record<string, unknown>, string][]} */ ([
  ["a_server", {}, "/adforge.js?lang=de"],
  ["a_bundle", { local: true }, "/adforge.de.js"],
])) {
  onStage(
    `a_language_comes_from_${name}_and_gates_speak_it`,
    { ...shop(`${GATE}${frame()}<consentry-toggle purpose="marketing"></consentry-toggle>`), boot: fullBoot(changes) },
    async (stage) => {
      await offer(stage).first().waitFor();
      await stage.press("Refuse all");
      const german = fullBoot({
        ...changes,
        texts: GERMAN,
        language: "de",
        notice: "b".repeat(64),
        widget: { centre: asset("/assets/centre.de.json") },
      });
      await stage.context.route(`${CONSENTRY}${address}`, (route) =>
        route.fulfill({ contentType: "text/javascript", body: `consentry._renew(${JSON.stringify(german)})` }),
      );
      assert.equal(await stage.page.evaluate(() => consentry.language()), "en");
      assert.equal(await stage.page.evaluate(() => consentry.language("de")), "de");
      await stage.page.getByText("„Besuche zählen“ ist aus, deshalb wird das nicht geladen.").first().waitFor();
      assert.equal(await stage.page.getByRole("button", { name: "Erlauben und laden" }).count(), 2);
      assert.equal(await offer(stage).count(), 0);
    },
  );
}

onStage("old_choices_are_taken_over_where_there_are_none", {}, async (stage) => {
  const importing = (/** @type {object} */ found) =>
    stage.page.evaluate((found) => /** @type {any} */ (consentry)._imported(found), found);
  const stances = { analytics: "grant", marketing: "refuse", unheard: "grant", security: "refuse" };
  await importing({ source: "klaro", stances, at_ms: 5 });
  assert.equal(await stage.stored(), null, "one that would have expired by now is left behind");
  await importing({ source: "klaro", stances, at_ms: null });
  await stage.page.waitForFunction(() => consentry.can("analytics"));
  const [choice] = (await stage.stored()).choices;
  assert.deepEqual([choice.surface, choice.stances], ["import", { analytics: "grant", marketing: "refuse" }]);
  await importing({ source: "klaro", stances: { marketing: "grant" }, at_ms: Date.now() });
  assert.equal((await stage.stored()).choices.length, 1);
});
