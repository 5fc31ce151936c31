/** docs/node.md, run as it stands there: its commands start a server and make a key, and its code trains. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Person, ROOT, consentry, serve, temporaryFolder } from "../stage/house.js";

/** What stands in the page's fences of that language. @param {string} page @param {string} language */
const blocks = (page, language) =>
  page
    .split(`\n\`\`\`${language}\n`)
    .slice(1)
    .map((rest) => rest.split("\n```")[0] ?? "");

/** @param {string} program @param {string[]} parameters @param {string} input @param {Record<string, string>} env @returns {Promise<string>} */
function run(program, parameters, input, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
    let printed = "";
    child.stdout.on("data", (bytes) => (printed += bytes));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(printed) : reject(new Error(`\`${program} ${parameters.join(" ")}\` ended with ${code}`))));
    child.stdin.end(input);
  });
}

test("the_page_is_run_as_it_stands", async (t) => {
  const page = await readFile(join(ROOT, "docs/node.md"), "utf8");
  const example = await readFile(join(ROOT, "bindings/node/examples/pipeline.js"), "utf8");
  const [code, ...others] = blocks(page, "js");
  assert.equal(`${code}\n`, example, "the page and the example say different things");
  assert.deepEqual(others, []);
  const [start, newKey, install, train, ...more] = blocks(page, "sh");
  assert.equal(install, "npm install consentry-node");
  assert.equal(train, "node pipeline.mjs http://127.0.0.1:8080 < people.txt");
  assert.deepEqual(more, []);
  const [people = "", nobody, one, ...rest] = blocks(page, "text");
  assert.deepEqual(rest, []);

  const folder = await temporaryFolder();
  t.after(folder.remove);
  /** A command of the page, with the database in a folder of its own; the port may be somebody's. @param {string} [line] @returns {string[]} */
  const parameters = (line = "") => {
    const [name, ...words] = line.replace("sqlite:consentry.db", `sqlite:${join(folder.path, "consentry.db")}`).replace("127.0.0.1:8080", "127.0.0.1:0").split(" ");
    assert.equal(name, "consentry");
    return words;
  };
  // The page's people choose on a page of this origin.
  const server = await serve([...parameters(start), "--origin", "http://127.0.0.1:1"]);
  t.after(server.stop);
  const key = await consentry(parameters(newKey));
  assert.ok(key.startsWith("ck_"));
  // Beside the suite, where the package is found that is tested.
  const file = fileURLToPath(new URL(`../pipeline-${process.pid}.mjs`, import.meta.url));
  await writeFile(file, code ?? "");
  t.after(() => rm(file));
  const trained = () => run(process.execPath, [file, server.url], people, { CONSENTRY_KEY: key });

  assert.equal(await trained(), `${nobody}\n`);
  const uuid = /** @type {Person["uuid"]} */ (/^device:(\S+)/.exec(people)?.[1]);
  const person = new Person(() => server.url, uuid);
  await person.choose("all-granted");
  assert.equal(await trained(), `${one}\n`);
  await person.choose({ "ai-training": "refuse" });
  assert.equal(await trained(), `${nobody}\n`);
});
