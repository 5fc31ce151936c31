/**
 * What docs/embed.md tells people to copy: pages are run on a staged site, code is checked against the package's types or by
 * its compiler, policies by `consentry check`, names against the sources.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { anchorsOf, linksOf, snippetsOf } from "../npm/snippets.js";
import { bring, compileSvelte, compileVue, openProject, run } from "../npm/workshop.js";
import { ROOT, temporaryFolder } from "./harness.js";
import { fullBoot, fullTests } from "./stage-more.js";
import { CONSENTRY, OTHERS, loaderSource } from "./stage.js";

/** @import { Project } from "../npm/workshop.js" */

const PAGE = "docs/embed.md";
const snippets = await snippetsOf(PAGE);

/** @param {...string} languages */
const inLanguage = (...languages) => snippets.filter(({ language }) => languages.includes(language));

const onFullStage = fullTests();

/** @type {Project} */
let project;
before(async () => {
  project = await openProject();
});
after(() => project.remove());

/** How long gated scripts may take that wait for each other. */
const OPEN_MS_MAX = 10_000;

/** On the stage's hosts. @param {string} text */
const staged = (text) => text.replaceAll("https://consent.example", CONSENTRY).replaceAll("https://others.example", OTHERS);

// ── Pages ───────────────────────────────────────────────────────────────────────────────────────

for (const { name, text } of inLanguage("html")) {
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title></head><body><main><h1>Shop</h1>${staged(text)}</main></body></html>`;
  onFullStage(`html_works_as_it_stands: ${name}`, { html, more: false, boot: fullBoot({ script: true }) }, async (stage) => {
    const { page } = stage;
    await stage.banner.waitFor();
    const ungated = [...staged(text).matchAll(/<script src="([^"]+)"/g)].map(([, src]) => src);
    const asked = () => stage.requests.filter((url) => url.startsWith(OTHERS) && !ungated.includes(url));
    assert.deepEqual(asked(), [], "nothing gated is asked for before a choice");

    await page.evaluate(() => consentry.acceptAll());
    // Expressions with a `!` are closed now; everything else opens, inline scripts after the ordered ones before them.
    const isClosed = `[type="text/plain"], [data-src]:not([src]), [data-href]:not([href])`;
    await page.waitForFunction(
      (isClosed) => [...document.querySelectorAll(isClosed)].every((element) => element.getAttribute("data-consent")?.includes("!")),
      isClosed,
      { timeout: OPEN_MS_MAX },
    );
    if (text.includes("<template>")) await page.locator("consentry-gate iframe").waitFor();

    for (const control of await page.locator('[data-consentry="open"], [data-cc]').all()) {
      await control.click();
      await page.waitForFunction(() => window.heard.some(([name]) => name === "open"));
    }
    assert.deepEqual(stage.errors, []);
  });
}

for (const { name, text } of inLanguage("http")) {
  const boot = fullBoot();
  const script = `${loaderSource()}(${JSON.stringify(boot)})`;
  const hash = createHash("sha384").update(script).digest("base64");
  const tag = text.includes("HASH") ? `src="/pinned.js" integrity="sha384-${hash}"` : `src="${CONSENTRY}/adforge.js"`;
  const html = {
    "/": `<!doctype html><html lang="en"><head><title>Shop</title><script nonce="x" ${tag}></script></head><body><main><h1>Shop</h1>
      <script type="text/plain" data-consent="analytics" nonce="x" src="${OTHERS}/one.js"></script></main></body></html>`,
    "/pinned.js": script,
  };
  const [, policy] = /^Content-Security-Policy: (.+)$/m.exec(staged(text).replace("HASH", hash)) ?? [];
  onFullStage(`everything_works_under: ${name}`, { html, boot, headers: { "Content-Security-Policy": policy }, more: false }, async (stage) => {
    await stage.press("Accept all");
    await stage.page.waitForFunction(() => window.ran.includes("one"));
    await stage.page.evaluate(() => consentry.open());
    await stage.page.waitForSelector("consentry-centre", { state: "attached" });
    await stage.page.evaluate(() => consentry.set({ analytics: false }));
    assert.ok(!(await stage.allowed()).includes("analytics"));
    assert.deepEqual(stage.errors, []);
  });
}

// ── Code ────────────────────────────────────────────────────────────────────────────────────────

/** What can be resolved in a project that has our package and the frameworks. */
const RESOLVED = /^(@consentry\/page|react\b)/;

for (const { name, language, text } of inLanguage("js", "ts", "tsx")) {
  const imports = [...text.matchAll(/from "([^"]+)"/g)].map(([, from]) => from);
  const isChecked = imports.every((from) => RESOLVED.test(from)) && !text.includes("defineNuxtConfig");
  test(`code_${isChecked ? "fits_the_types" : "can_be_read"}: ${name}`, async () => {
    if (!isChecked) return void (await bring(project.frameworks, "esbuild").transform(text, { loader: language, jsx: "automatic" }));
    const isGlobal = !imports.length;
    const file = `snippet-${name.replace(/\W+/g, "-")}.${language === "js" ? "ts" : language}`;
    const prelude = isGlobal ? 'import type {} from "@consentry/page"; declare const consentry: Consentry;\n' : "";
    await writeFile(join(project.folder, file), prelude + text);
    const compiler = join(ROOT, "tests/browser/node_modules/typescript/bin/tsc");
    const options = ["--ignoreConfig", "--strict", "--noEmit", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"];
    await run(project.folder, process.execPath, [compiler, ...options, "--jsx", "react-jsx", "--types", "", file]);
  });
}

test("single_files_compile", () => {
  for (const { text } of inLanguage("vue")) assert.match(compileVue(project.frameworks, text), /consentry-toggle/);
  for (const { text } of inLanguage("svelte")) assert.match(compileSvelte(project.frameworks, text), /consentry-toggle/);
  assert.equal(inLanguage("vue", "svelte").length, 2);
});

test("the_policy_is_one", { skip: !process.env.CONSENTRY_BIN }, async () => {
  const folder = await temporaryFolder();
  try {
    await cp(join(ROOT, "policies/adforge"), folder.path, { recursive: true });
    const file = join(folder.path, "policy.toml");
    const [policy] = (await readFile(file, "utf8")).split(/^\[page\]/m);
    for (const { text } of inLanguage("toml")) {
      await writeFile(file, `${policy}\n${text}`);
      await run(ROOT, /** @type {string} */ (process.env.CONSENTRY_BIN), ["check", folder.path]);
    }
  } finally {
    await folder.remove();
  }
});

// ── Names ───────────────────────────────────────────────────────────────────────────────────────

/** @param {string} path */
const source = (path) => readFile(join(ROOT, path), "utf8");

/** @param {string} text @param {RegExp} pattern */
const namesIn = (text, pattern) => [...new Set([...text.matchAll(pattern)].map(([, name]) => name))].sort();

test("custom_properties_and_parts_are_those_of_the_sources", async () => {
  const css = inLanguage("css").map(({ text }) => text).join("\n");
  const sheets = (await source("www/loader/banner.css")) + (await source("widget/src/centre.css"));
  assert.deepEqual(namesIn(css, /(--consentry-[a-z]+):/g), namesIn(sheets, /var\((--consentry-[a-z]+)/g));

  const parts = namesIn(await source("www/loader/banner.js"), /add\(\w+, "\w+", "([\w ]+)"/g).flatMap((part) => part.split(" "));
  const text = await source(PAGE);
  for (const part of new Set(parts)) assert.ok(text.includes(`\`${part}\``), `the part \`${part}\``);
  for (const part of namesIn(css, /::part\((\w+)\)/g)) assert.ok(parts.includes(part), part);
});

test("window_consentry_is_shown_whole", async () => {
  const [, body] = /^interface Consentry \{([\s\S]*?)^\}/m.exec(await source("www/types/consentry.d.ts")) ?? [];
  const names = namesIn(body, /^ {2}(?:readonly )?(\w+)(?=[<(:])/gm);
  const [shown] = snippets.filter(({ name }) => name.startsWith("`window.consentry`"));
  for (const name of names) assert.ok(shown.text.includes(`consentry.${name}`), name);
  assert.ok(names.length > 15);
});

test("links_lead_somewhere", async () => {
  const anchors = await anchorsOf(PAGE);
  for (const link of await linksOf(PAGE)) {
    if (link.startsWith("#")) assert.ok(anchors.includes(link), link);
    else await stat(join(ROOT, "docs", link));
  }
});
