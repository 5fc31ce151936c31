/** The corpus of decision cases, run by the core as WebAssembly in a browser: the same answers as everywhere else. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { corpusFile } from "./corpus-files.js";
import { ROOT, launchBrowser } from "./harness.js";

/** Fewer would mean that a file was lost. */
const CASES_MIN = 500;

/** Texts by file name. @param {string} folder @param {string} ending @returns {Record<string, string>} */
function texts(folder, ending) {
  const names = readdirSync(folder).filter((name) => name.endsWith(ending));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

test("every_case_is_decided_as_written", async () => {
  const folders = ["policies", "tests/corpus/policies"].flatMap((parent) =>
    readdirSync(join(ROOT, parent)).map((name) => [name, texts(join(ROOT, parent, name), ".toml")]),
  );
  const input = [JSON.stringify(Object.values(texts(join(ROOT, "tests/corpus"), ".json"))), JSON.stringify(Object.fromEntries(folders))];
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    await page.route("http://corpus.test/**", (route) => {
      const { pathname } = new URL(route.request().url());
      if (pathname === "/corpus.js") return route.fulfill({ contentType: "text/javascript", body: corpusFile("corpus.js") });
      if (pathname === "/corpus.wasm") return route.fulfill({ contentType: "application/wasm", body: corpusFile("corpus.wasm") });
      return route.fulfill({ contentType: "text/html", body: '<!doctype html><script src="/corpus.js"></script>' });
    });
    await page.goto("http://corpus.test/");
    const report = await page.evaluate(async ([files, policies]) => {
      await wasm_bindgen({ module_or_path: "/corpus.wasm" });
      return /** @type {string} */ (wasm_bindgen.run_corpus(files, policies));
    }, input);
    const { cases, failures } = JSON.parse(report);
    assert.deepEqual(failures, []);
    assert.ok(cases >= CASES_MIN, `only ${cases} cases`);
  } finally {
    await browser.close();
  }
});
