/**
 * The page that all are put into, and the server that it comes from.
 *
 * One page for everybody: only what a peer's documentation says to put into it differs. Everything is compressed beforehand
 * (brotli 11) and served from memory with its length, over loopback, so that a response costs the server nothing.
 *
 * Deliberately absent: anything that a page does besides, which would hide the differences.
 */

import { createServer } from "node:http";
import { extname } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

/** What is asked, in AdForge's words: its policy in `policies/adforge` has the same. */
export const PURPOSES = [
  {
    id: "ai-training",
    title: "AI training",
    text: "We use your prompts, product pictures and results to improve our own models.",
  },
  {
    id: "downstream-ai",
    title: "AI processors",
    text: "To make a clip we hand your prompt and product pictures to the processors you allow here, each one by itself.",
  },
  { id: "marketing", title: "Marketing", text: "We send you news and offers by e-mail." },
  {
    id: "analytics",
    title: "Analytics cookies",
    text: "We set a cookie and count which pages are visited, to make the site better.",
  },
];

export const TITLE = "Your data at AdForge";
export const TEXT = "We ask before we use your data for more than our service. You can change your mind at any time.";

/** The three gated scripts, by the purposes that they need. */
export const GATED = ["analytics", "marketing", "ai-training"];

/** @param {string} purpose */
export const gatedAddress = (purpose) => `/gated/${purpose}.js`;

const TYPES = /** @type {Record<string, string>} */ ({
  "": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
});

const STYLE = `body{margin:0;font:18px/1.6 system-ui,sans-serif;color:#222;background:#fff}
header,main,footer{max-width:60rem;margin:auto;padding:1rem 2rem}h1{font-size:2.5rem;line-height:1.2}
.shots{display:grid;grid-template-columns:repeat(3,1fr);gap:1rem}.shots div{height:12rem;background:#e9e4da}`;

const PARAGRAPH = `Drop in one picture. AdForge writes the shot list, films it with the video model you choose, and hands you a clip
that is ready to run, in about the time it takes to make a coffee. Your photos go to a video model only if you say so.`;

/** @param {{ head: string, body: string }} parts what a peer puts into the page's head, and at the end of its body */
export function page({ head, body }) {
  const section = (/** @type {number} */ number) => `<section><h2>Scene ${number}</h2><p>${PARAGRAPH}</p></section>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AdForge: a product photo in, a finished ad out</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
${head}
</head>
<body>
<header><strong>AdForge</strong></header>
<main>
<h1>A product photo in. A finished ad out.</h1>
<p>${PARAGRAPH}</p>
<div class="shots"><div></div><div></div><div></div></div>
${[1, 2, 3, 4, 5, 6, 7, 8].map(section).join("\n")}
</main>
<footer><p>AdForge, a site that does not exist.</p></footer>
${body}
</body>
</html>`;
}

/**
 * @param {Map<string, string | Uint8Array>} files by path; a path without an ending is a page
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
export function startSite(files) {
  /** @type {Map<string, { type: string, body: Buffer }>} */
  const ready = new Map();
  for (const purpose of GATED) files.set(gatedAddress(purpose), `(window.ran = window.ran || []).push("${purpose}");`);
  for (const [path, content] of files) {
    const body = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
    ready.set(path, { type: TYPES[extname(path)], body });
  }
  const server = createServer(({ url = "" }, response) => {
    const file = ready.get(url);
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, {
      "Content-Type": file.type,
      "Content-Encoding": "br",
      "Content-Length": file.body.length,
      "Cache-Control": "public, max-age=300",
    });
    response.end(file.body);
  });
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (!address || typeof address === "string") return reject(new Error("the site has no port"));
      const stop = () =>
        /** @type {Promise<void>} */ (
          new Promise((stopped) => {
            server.close(() => stopped());
            server.closeAllConnections();
          })
        );
      resolve({ url: `http://127.0.0.1:${address.port}`, stop });
    });
  });
}
