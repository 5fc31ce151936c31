/** What is held back, and what opens it. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { CONSENTRY, OTHERS, POLICY, bootDocument, loaderSource, pageWith, stagedTests } from "./stage.js";

/** @import { Stage } from "./stage.js" */

const onStage = stagedTests();

/** A gated script. @param {string} attributes @param {string} [text] */
const gated = (attributes, text = "") => `<script type="text/plain" ${attributes}>${text}</script>`;

/** @param {Stage} stage @param {string[]} names */
async function ranInOrder(stage, names) {
  await stage.page.waitForFunction((count) => window.ran.length >= count, names.length);
  assert.deepEqual(await stage.page.evaluate(() => window.ran), names);
}

/** What the preference centre would say. @param {Stage} stage @param {string[]} allowed */
function chooseInCentre(stage, allowed) {
  return stage.page.evaluate(
    ({ allowed, policy }) => {
      const choice = { id: crypto.randomUUID(), policy, notice: "n", language: "en", surface: "centre", stances: {} };
      document.dispatchEvent(new CustomEvent("consentry:choice", { detail: { v: 1, choice, allowed, until_ms: 4e12, ask_ms: 4e12 } }));
    },
    { allowed, policy: POLICY },
  );
}

onStage(
  "scripts_run_once_in_document_order_whether_inline_or_not",
  {
    html: pageWith(
      `<main><h1>Shop</h1></main>` +
        gated(`data-consent="analytics"`, `window.ran.push("first")`) +
        gated(`data-consent="analytics" src="${OTHERS}/second.js"`) +
        gated(`data-consent="analytics"`, `window.ran.push("third")`) +
        gated(`data-consent="analytics" data-src="${OTHERS}/fourth.js" defer`) +
        gated(`data-consent="analytics"`, `window.ran.push("fifth")`),
    ),
  },
  async (stage) => {
    const release = await hold(stage, `${OTHERS}/second.js`);
    await stage.press("Accept all");
    // Started in parallel: the fourth has come before the second may go on.
    await stage.page.waitForFunction((url) => performance.getEntriesByName(url).length > 0, `${OTHERS}/fourth.js`);
    assert.deepEqual(await stage.page.evaluate(() => window.ran), ["first"]);
    await release();
    await ranInOrder(stage, ["first", "second", "third", "fourth", "fifth"]);
    await chooseInCentre(stage, []);
    await chooseInCentre(stage, bootDocument().allowed.granted);
    await ranInOrder(stage, ["first", "second", "third", "fourth", "fifth"]);
  },
);

onStage(
  "an_async_script_waits_for_nobody",
  {
    html: pageWith(
      `<main><h1>Shop</h1></main>` +
        gated(`data-consent="analytics" src="${OTHERS}/slow.js"`) +
        gated(`data-consent="analytics" src="${OTHERS}/quick.js" async`),
    ),
  },
  async (stage) => {
    const release = await hold(stage, `${OTHERS}/slow.js`);
    await stage.press("Accept all");
    await ranInOrder(stage, ["quick"]);
    await release();
    await ranInOrder(stage, ["quick", "slow"]);
  },
);

onStage(
  "an_inline_script_after_one_that_fails_runs_nevertheless",
  {
    html: pageWith(
      `<main><h1>Shop</h1></main>` +
        gated(`data-consent="analytics" src="${OTHERS}/gone.js"`) +
        gated(`data-consent="analytics"`, `window.ran.push("after")`),
    ),
  },
  async (stage) => {
    await stage.context.route(`${OTHERS}/gone.js`, (route) => route.abort());
    await stage.press("Accept all");
    await ranInOrder(stage, ["after"]);
  },
);

onStage(
  "an_inline_script_that_waits_does_not_run_after_a_withdrawal",
  {
    html: pageWith(
      `<main><h1>Shop</h1></main>` +
        gated(`data-consent="analytics" src="${OTHERS}/first.js"`) +
        gated(`data-consent="analytics"`, `window.ran.push("second")`),
    ),
  },
  async (stage) => {
    const release = await hold(stage, `${OTHERS}/first.js`);
    await stage.press("Accept all");
    await chooseInCentre(stage, []);
    await release();
    await ranInOrder(stage, ["first"]);
    await chooseInCentre(stage, ["analytics"]);
    await ranInOrder(stage, ["first", "second"]);
  },
);

/** Lets an answer wait until it is released. @param {Stage} stage @param {string} url */
async function hold(stage, url) {
  /** @type {() => void} */
  let open = () => {};
  const opened = new Promise((resolve) => (open = () => resolve(undefined)));
  await stage.context.route(url, async (route) => {
    await opened;
    await route.fallback();
  });
  return async () => open();
}

onStage(
  "a_script_keeps_its_attributes_and_its_type",
  {
    headers: { "Content-Security-Policy": `script-src ${CONSENTRY} 'nonce-n0nce'` },
    html: pageWith(
      `<main><h1>Shop</h1></main>` +
        gated(
          `data-consent="analytics" nonce="n0nce" data-type="module" id="kept" @odd="1"`,
          `window.ran.push(document.getElementById("kept").type + (document.currentScript === null) + import.meta.url.length)`,
        ) +
        gated(`data-consent="analytics" nonce="wrong"`, `window.ran.push("wrong nonce")`) +
        gated(
          `data-consent="analytics" nonce="n0nce" src="${OTHERS}/tampered.js" crossorigin integrity="sha384-${"A".repeat(64)}"`,
        ) +
        gated(`data-consent="analytics" nonce="n0nce"`, `window.ran.push("last")`),
    ),
  },
  async (stage) => {
    await stage.press("Accept all");
    await stage.page.waitForFunction(() => window.ran.length === 2);
    const ran = await stage.page.evaluate(() => window.ran);
    assert.deepEqual(ran.toSorted(), ["last", "moduletrue18"]);
    assert.equal(await stage.page.locator("#kept").getAttribute("@odd"), "1");
  },
);

onStage("elements_added_later_are_held_back_too", {}, async (stage) => {
  await stage.page.evaluate((others) => {
    const box = document.createElement("div");
    box.innerHTML = `<script type="text/plain" data-consent="analytics">window.ran.push("late")</script>
      <script type="text/plain" data-consent="marketing" src="${others}/later.js"></script>`;
    document.body.append(box);
  }, OTHERS);
  await chooseInCentre(stage, ["analytics"]);
  await ranInOrder(stage, ["late"]);
  await chooseInCentre(stage, ["analytics", "marketing"]);
  await ranInOrder(stage, ["late", "later"]);
  await stage.page.evaluate(() => {
    const script = document.createElement("script");
    script.type = "text/plain";
    script.dataset.consent = "marketing";
    script.textContent = `window.ran.push("last")`;
    document.body.append(script);
  });
  await ranInOrder(stage, ["late", "later", "last"]);
});

onStage(
  "a_processor_is_a_target_of_its_own",
  {
    html: pageWith(
      `<main><h1>Shop</h1></main>` +
        gated(`data-consent="downstream-ai" data-consent-processor="kling"`, `window.ran.push("kling")`) +
        gated(`data-consent="downstream-ai" data-consent-processor="gemini"`, `window.ran.push("gemini")`) +
        gated(`data-consent="downstream-ai" data-consent-processor=""`, `window.ran.push("nobody")`) +
        gated(`data-consent="downstream-ai analytics"`, `window.ran.push("no such target")`) +
        gated(`data-consent="downstream-ai"`, `window.ran.push("purpose")`),
    ),
  },
  async (stage) => {
    await chooseInCentre(stage, ["downstream-ai", "downstream-ai/gemini"]);
    await ranInOrder(stage, ["gemini", "purpose"]);
  },
);

const FRAMED = pageWith(`<main><h1>Shop</h1>
  <iframe id="frame" data-src="${OTHERS}/frame.html" data-consent="downstream-ai" data-consent-processor="kling" title="Clips"></iframe></main>`);

onStage("a_frame_closes_at_once_when_consent_is_withdrawn", { html: FRAMED }, async (stage) => {
  const frame = stage.page.locator("#frame");
  assert.equal(await frame.getAttribute("src"), null);
  await stage.press("Accept all");
  await stage.page.frameLocator("#frame").getByText("frame").waitFor();
  const before = await stage.page.evaluate(() => {
    const frame = /** @type {HTMLIFrameElement} */ (document.getElementById("frame"));
    Object.assign(window, { frame, inside: frame.contentWindow });
    return history.length;
  });
  await chooseInCentre(stage, ["downstream-ai"]);
  const after = await stage.page.evaluate(() => {
    const { frame, inside } = /** @type {any} */ (window);
    return { same: frame === document.getElementById("frame"), closed: inside.closed, src: frame.getAttribute("src"), length: history.length };
  });
  assert.deepEqual(after, { same: true, closed: true, src: null, length: before });
  await chooseInCentre(stage, ["downstream-ai/kling"]);
  await stage.page.frameLocator("#frame").getByText("frame").waitFor();
});

onStage("half_a_script_does_not_run", {}, async (stage) => {
  await stage.press("Accept all");
  await stage.synced("saved");
  const stored = JSON.stringify(await stage.stored());
  /** @type {() => void} */
  let finish = () => {};
  const server = createServer((_, response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.write(`<!doctype html><title>Slow</title><script>localStorage["consentry:adforge"] = ${JSON.stringify(stored)}</script>
      <script>${loaderSource()}(${JSON.stringify(stage.boot)})</script>
      <script type="text/plain" data-consent="analytics">window.ran.push("half");\n// ${" ".repeat(4096)}\n`);
    finish = () => response.end(`window.ran.push("whole")</script>`);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  try {
    await stage.context.unrouteAll();
    await stage.page.goto(`http://127.0.0.1:${port}/`, { waitUntil: "commit" });
    await stage.page.waitForFunction(() => /half/.test(document.querySelector("[data-consent]")?.textContent ?? ""));
    assert.deepEqual(await stage.page.evaluate(() => window.ran), []);
    finish();
    await ranInOrder(stage, ["half", "whole"]);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

for (const [policy, ran] of /** @type {[string, string[]][]} */ ([["consentry", ["external", "inline"]], ["'none'", []]])) {
  onStage(
    `n3_under_trusted_types_with_${policy}_banner_and_choice_work`,
    {
      headers: { "Content-Security-Policy": `require-trusted-types-for 'script'; trusted-types ${policy}` },
      html: pageWith(
        `<main><h1>Shop</h1></main>` +
          gated(`data-consent="analytics" src="${OTHERS}/external.js"`) +
          gated(`data-consent="analytics"`, `window.ran.push("inline")`),
      ),
    },
    async (stage) => {
      await stage.press("Accept all");
      await stage.synced("saved");
      await ranInOrder(stage, ran);
      assert.equal(await stage.page.evaluate(() => consentry.can("analytics")), true);
    },
  );
}
