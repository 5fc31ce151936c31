/**
 * The npm package as its users have it: packed, installed into an empty project, typed, bundled, and running in a page.
 *
 * The loader is staged; packages of others come from the lock file in `tests/npm/frameworks`.
 */

import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { bundle, openProject, run } from "../npm/workshop.js";
import { ROOT } from "./harness.js";
import { fullBoot, fullTests } from "./stage-more.js";
import { CONSENTRY, OTHERS } from "./stage.js";

/** @import { Project } from "../npm/workshop.js" */
/** @import { FullStage } from "./stage-more.js" */

const onFullStage = fullTests();

/** Pages and scripts by path, filled before any test runs. @type {Record<string, string>} */
const html = {};

/** @type {Project} */
let project;

before(async () => {
  project = await openProject();
  await cp(join(ROOT, "examples/react"), project.folder, { recursive: true, filter: (path) => !/node_modules|package\.json|README/.test(path) });
  await cp(join(ROOT, "tests/npm/pages"), join(project.folder, "pages"), { recursive: true });
  const index = await readFile(join(project.folder, "index.html"), "utf8");
  html["/"] = index.replace(/content="http[^"]*\.js"/, `content="${CONSENTRY}/adforge.js"`);
  html["/dist/app.js"] = await bundle(project, "src/main.tsx");
  for (const name of ["vue", "svelte"]) html[`/${name}.js`] = await bundle(project, `pages/${name}.js`);
  await writeFile(join(project.folder, "all.js"), 'import * as page from "@consentry/page"; window.page = page; window.start?.(page);');
  html["/all.js"] = await bundle(project, "all.js");
  html["/queue.js"] = await readFile(join(project.folder, "node_modules/@consentry/page/queue.js"), "utf8");
});
after(() => project.remove());

/** @param {string} script @param {string} [head] */
function pageOf(script, head = "") {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>${head}</head>
    <body><main id="app"></main><script src="/${script}"></script></body></html>`;
}

// ── The package ─────────────────────────────────────────────────────────────────────────────────

test("the_package_holds_what_its_manifest_names", async () => {
  const folder = join(project.folder, "node_modules/@consentry/page");
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const targets = Object.values(manifest.exports).flatMap((target) => (typeof target === "string" ? [target] : Object.values(target)));
  const wanted = [...targets, manifest.main, manifest.types, "LICENSE-MIT", "LICENSE-APACHE", "README.md"];
  for (const path of wanted) assert.ok(project.files.includes(path.replace("./", "")), path);
  for (const path of project.files) assert.match(path, /^(LICENSE-\w+|README\.md|package\.json|[\w/]+(\.d\.ts|\.js))$/);
  assert.match(await readFile(join(ROOT, "Cargo.toml"), "utf8"), new RegExp(`^version = "${manifest.version}"$`, "m"));
  assert.equal(manifest.dependencies, undefined);
});

const USE = `
  import { consentry, load } from "@consentry/page";
  const loaded: Promise<Consentry> = load({ src: "/adforge.js", nonce: "x" });
  const yes: boolean = consentry.can("downstream-ai", { processor: "kling" });
  const off: () => void = consentry.on("change", ({ allowed }) => allowed.includes("ads"));
  consentry.on("error", ({ what, message }) => what === "widget" && message);
  consentry.push(["open", "rights"]);
  const who: string | null = consentry.subject;
  document.querySelector("consentry-gate")!.purpose = "analytics";
  // @ts-expect-error A tag needs an address.
  load({});
  // @ts-expect-error No such event.
  consentry.on("changed", () => {});
  // @ts-expect-error The name of an option, misspelt.
  consentry.can("downstream-ai", { procesor: "kling" });
  export { loaded, yes, off, who };`;

const USE_REACT = `
  import { Gate, useConsent } from "@consentry/page/react";
  export function Page() {
    const may: boolean = useConsent("downstream-ai", { processor: "kling" });
    return <Gate purpose="analytics" fallback={<consentry-toggle purpose="analytics" className="x" />}>
      <consentry-gate purpose="ads" processor="x">{String(may)}</consentry-gate><consentry-preferences />
    </Gate>;
  }
  // @ts-expect-error A gate is about something.
  export const gate = <Gate>text</Gate>;
  // @ts-expect-error No such attribute.
  export const toggle = <consentry-toggle purposes="ads" />;`;

const USE_OTHERS = `
  import type {} from "@consentry/page/types/vue";
  import type {} from "@consentry/page/types/svelte";
  import type { GlobalComponents } from "vue";
  import type { SvelteHTMLElements } from "svelte/elements";
  type Props<Name extends keyof GlobalComponents> = InstanceType<GlobalComponents[Name]>["$props"];
  export const vue: Props<"consentry-gate"> = { purpose: "ads", class: "x" };
  export const svelte: SvelteHTMLElements["consentry-toggle"] = { purpose: "ads", processor: "x", class: "x" };
  // @ts-expect-error No such property.
  export const wrong: SvelteHTMLElements["consentry-toggle"] = { purposes: "ads" };`;

/** @type {[name: string, file: string, source: string, options: string[]][]} */
const USES = [
  ["in_an_empty_project_by_nodes_rules", "use.mts", USE, ["--module", "nodenext"]],
  ["in_an_empty_project_by_bundlers_rules", "use.ts", USE, ["--module", "esnext", "--moduleResolution", "bundler"]],
  ["in_react", "use-react.tsx", USE_REACT, ["--module", "nodenext", "--jsx", "react-jsx"]],
  ["in_vue_and_svelte", "use-others.ts", USE_OTHERS, ["--module", "esnext", "--moduleResolution", "bundler", "--skipLibCheck"]],
];

for (const [name, file, source, options] of USES) {
  test(`types_hold_${name}`, async () => {
    await writeFile(join(project.folder, file), source);
    await typeCheck([file, ...options]);
  });
}

test("types_hold_in_the_example_and_in_the_sources", async () => {
  await typeCheck(["--project", "tsconfig.json"]);
  const sources = ["index.js", "react.js", "queue.js"].map((name) => join("node_modules/@consentry/page", name));
  await typeCheck([...sources, "--module", "esnext", "--moduleResolution", "bundler", "--allowJs", "--checkJs", "--maxNodeModuleJsDepth", "1"]);
});

/** @param {string[]} given */
function typeCheck(given) {
  const compiler = join(ROOT, "tests/browser/node_modules/typescript/bin/tsc");
  const ours = given[0] === "--project" ? [] : ["--ignoreConfig", "--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--types", ""];
  return run(project.folder, process.execPath, [compiler, "--strict", "--noEmit", ...ours, ...given]);
}

test("on_a_server_it_does_nothing", async () => {
  const program = `
    import { consentry, load } from "@consentry/page";
    import { Gate } from "@consentry/page/react";
    import { createElement } from "react";
    import { renderToString } from "react-dom/server";
    load({ src: "/adforge.js" });
    consentry.on("change", () => {});
    consentry.push(["open"]);
    consentry.acceptAll();
    const drawn = renderToString(createElement(Gate, { purpose: "ads", fallback: "fallback" }, "content"));
    console.log(JSON.stringify([consentry.can("ads"), consentry.subject, consentry.policy, drawn, "consentry" in globalThis]));`;
  await writeFile(join(project.folder, "server.js"), program);
  const printed = await run(project.folder, process.execPath, ["server.js"]);
  assert.deepEqual(JSON.parse(printed), [false, null, "", "fallback", false]);
});

// ── The module in a page ────────────────────────────────────────────────────────────────────────

/** Pages and scripts, with another page in the first one's place. @param {string} page @returns {Record<string, string>} */
const withPage = (page) => Object.assign(Object.create(html), { "/": page });

/** A page that does this with the module as soon as it has it. @param {string} body @param {string} [head] */
const startingWith = (body, head = "") => withPage(pageOf("all.js", `<script>window.start = (page) => { ${body} }</script>${head}`));

const TAG = `${CONSENTRY}/adforge.js`;
const LOAD = `page.load({ src: "${TAG}" })`;

const EARLY = startingWith(`
  window.told = [];
  window.before = [page.consentry.can("security"), page.consentry.subject, page.consentry.policy];
  page.consentry.on("ready", ({ allowed }) => told.push(["ready", allowed.length > 0]));
  page.consentry.on("change", ({ allowed }) => told.push(["change", allowed.includes("marketing")]));
  page.consentry.on("change", () => told.push("never"))();
  page.consentry.acceptAll(); // Without a click: must not keep the calls behind it from being made.
  page.consentry.push(() => told.push(["pushed"]));
  page.consentry.language().then((tag) => told.push(["language", tag]));
  Promise.all([${LOAD}, ${LOAD}]).then(([one, two]) => { window.same = one === two && one === window.consentry; });`);

onFullStage("what_is_called_too_early_waits_for_the_loader", { html: EARLY, more: false }, async ({ page, requests }) => {
  await page.waitForFunction(() => /** @type {any} */ (window).told.length === 3 && "same" in window);
  const seen = await page.evaluate(() => {
    const { told, before, same, page } = /** @type {any} */ (window);
    return { told: [...told], before, same, policy: page.consentry.policy.length, can: page.consentry.can("security") };
  });
  assert.deepEqual(seen.before, [false, null, ""]);
  assert.deepEqual(seen.told.sort(), [["language", "en"], ["pushed"], ["ready", true]]);
  assert.ok(seen.same && seen.can && seen.policy === 64);
  assert.equal(requests.filter((url) => url === TAG).length, 1, "one tag for all who load");

  // Live, it is the same tick as the click.
  await page.mouse.click(1, 1);
  const after = await page.evaluate(() => {
    const { told, page } = /** @type {any} */ (window);
    page.consentry.acceptAll();
    return { told, can: page.consentry.can("marketing"), subject: page.consentry.subject };
  });
  assert.ok(after.can && /^device:/.test(after.subject));
  assert.deepEqual(after.told.slice(3), [["change", true]]);
});

const TAGGED = startingWith(`window.loaded = ${LOAD}.then(() => true)`, `<script src="${TAG}" async></script>`);

onFullStage("a_tag_in_the_markup_is_not_added_again", { html: TAGGED, more: false }, async ({ page, requests }) => {
  assert.ok(await page.evaluate(() => /** @type {any} */ (window).loaded));
  assert.equal(requests.filter((url) => url === TAG).length, 1);
});

const FAILING = startingWith(`
  const why = ({ message }) => message;
  window.outcome = (async () => [
    await page.load({ src: "${CONSENTRY}/gone.js" }).catch(why),
    await page.load({ src: "${OTHERS}/one.js" }).catch(why),
    (await ${LOAD}).can("security"),
  ])();`);

onFullStage("a_script_that_does_not_come_is_said_and_can_be_tried_again", { html: FAILING, more: false }, async ({ page }) => {
  const [missing, other, can] = await page.evaluate(() => /** @type {any} */ (window).outcome);
  assert.match(missing, /could not load `https:\/\/consent\.test\/gone\.js`/);
  assert.match(other, /is not Consentry's script/);
  assert.equal(can, true);
});

const STRICT =
  `default-src 'none'; script-src 'nonce-x' 'wasm-unsafe-eval'; connect-src ${CONSENTRY}; frame-src ${OTHERS}; ` +
  "require-trusted-types-for 'script'; trusted-types consentry consentry-load";

const STRICT_PLAY = {
  headers: { "Content-Security-Policy": STRICT },
  html: withPage(`<!doctype html><html lang="en"><head><title>Shop</title></head><body><main><h1>Shop</h1></main>
    <script nonce="x">window.start = (page) => page.load({ src: "${TAG}", nonce: "x" })</script>
    <script nonce="x" src="/all.js"></script>
    <script type="text/plain" data-consent="analytics" nonce="x" src="${OTHERS}/one.js"></script></body></html>`),
};

onFullStage("it_loads_under_a_strict_policy_with_trusted_types", STRICT_PLAY, async (stage) => {
  await stage.press("Accept all");
  await stage.page.waitForFunction(() => window.ran.includes("one"));
  await stage.page.evaluate(() => consentry.open());
  await stage.page.waitForSelector("consentry-centre", { state: "attached" });
  assert.deepEqual(stage.errors, []);
});

const QUEUED = withPage(`<!doctype html><html lang="en"><head><title>Shop</title><script src="/queue.js"></script><script>
    window.told = [];
    const early = window.consentry;
    told.push(["can", early.can("security")]);
    early.on("ready", ({ allowed }) => told.push(["ready", allowed.includes("security")]));
    early.on("change", () => told.push("never"))();
    early.acceptAll().catch(({ message }) => told.push(["all", message.includes("click")]));
    early.language().then((tag) => told.push(["language", tag], ["later", early.can("security")]));
  </script><script src="${TAG}" async></script></head><body><main><h1>Shop</h1></main></body></html>`);

onFullStage("the_queue_makes_every_method_callable_before_the_tag", { html: QUEUED, more: false }, async ({ page }) => {
  await page.waitForFunction(() => /** @type {any} */ (window).told.length >= 5);
  const told = await page.evaluate(() => /** @type {any} */ (window).told);
  const wanted = [["all", true], ["can", false], ["language", "en"], ["later", true], ["ready", true]];
  assert.deepEqual(told.sort(), wanted);
});

// ── Frameworks ──────────────────────────────────────────────────────────────────────────────────

/** @param {FullStage} stage @param {string} kind @param {string} target */
function waitUntilDrawn({ page }, kind, target) {
  return page.waitForFunction(
    ([kind, target]) => /** @type {any} */ (window).drawn?.some((/** @type {string[]} */ one) => one[0] === kind && one[1] === target),
    [kind, target],
  );
}

onFullStage("react_hook_gate_and_elements", { html, more: false, boot: fullBoot({ script: true }) }, async (stage) => {
  const { page } = stage;
  await page.getByText("The film is not loaded").waitFor();
  assert.equal(await page.locator("#film").count(), 0);
  assert.equal(await page.locator("#renderer-state").textContent(), "Your picture stays with us; the clip is plain.");
  assert.ok(!stage.requests.some((url) => url.startsWith(OTHERS)), "nothing is asked of others before a choice");

  // The element's offer grants that one processor, and the hook hears of it.
  assert.ok(!(await page.locator("#styles").isVisible()));
  await page.locator("consentry-gate").getByRole("button", { name: "Allow and load" }).click();
  await page.getByText("Kling will animate your picture.").waitFor();
  assert.ok(await page.locator("#styles").isVisible());
  assert.equal(await page.locator("#film").count(), 0);

  await page.evaluate(() => consentry.acceptAll());
  await page.locator("#film").waitFor();
  await page.evaluate(() => consentry.refuseAll());
  await page.getByText("The film is not loaded").waitFor();
  await page.getByText("the clip is plain").waitFor();

  await stage.press("Settings");
  await waitUntilDrawn(stage, "preferences", "");
  await waitUntilDrawn(stage, "toggle", "marketing");
  await stage.press("Shop");
  await page.waitForFunction(() => /** @type {any} */ (window).drawn.filter((/** @type {string[]} */ [kind]) => kind === "unmount").length === 2);
  assert.deepEqual(stage.errors, []);
});

for (const name of ["vue", "svelte"]) {
  onFullStage(`elements_and_events_in_${name}`, { html: withPage(pageOf(`${name}.js`)), more: false }, async (stage) => {
    const { page } = stage;
    await waitUntilDrawn(stage, "toggle", "marketing");
    await waitUntilDrawn(stage, "preferences", "");
    assert.equal(await page.locator("#state").textContent(), "off");
    assert.ok(!(await page.locator("#news").isVisible()));
    await page.locator("consentry-gate").getByRole("button", { name: "Allow and load" }).click();
    await page.locator("#state", { hasText: "on" }).waitFor();
    assert.ok(await page.locator("#news").isVisible());
    await page.locator("#rename").click();
    await waitUntilDrawn(stage, "toggle", "analytics");
    assert.deepEqual(stage.errors, []);
  });
}
