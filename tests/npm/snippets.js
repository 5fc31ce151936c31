/**
 * The code in a page of documentation, to be run or checked.
 *
 * Deliberately absent: changing it, but for the hosts of its addresses, which a staged site has instead.
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../browser/harness.js";

/**
 * @typedef {object} Snippet
 * @property {string} language what stands after the fence
 * @property {string} text
 * @property {string} name the heading above it, and its line, for a person
 */

/** @param {string} path @returns {Promise<Snippet[]>} */
export async function snippetsOf(path) {
  const text = await readFile(join(ROOT, path), "utf8");
  /** @type {Snippet[]} */
  const snippets = [];
  let heading = "";
  for (const [all, title, language, body] of text.matchAll(/^## (.+)$|^```(\w+)\n([\s\S]*?)^```$/gm)) {
    if (title) heading = title;
    else snippets.push({ language, text: body, name: `${heading}, line ${text.slice(0, text.indexOf(all)).split("\n").length}` });
  }
  return snippets;
}

/** Where links of a page lead to within the repository. @param {string} path @returns {Promise<string[]>} */
export async function linksOf(path) {
  const text = await readFile(join(ROOT, path), "utf8");
  const links = [...text.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, link]) => link);
  return [...new Set(links)];
}

/** The anchors that a page's headings make. @param {string} path */
export async function anchorsOf(path) {
  const text = await readFile(join(ROOT, path), "utf8");
  const slug = (/** @type {string} */ title) => title.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-");
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) => `#${slug(title)}`);
}
