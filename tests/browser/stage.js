/**
 * A staged site: a page, the loader with a boot document, and a pretended server, all fulfilled inside the browser.
 *
 * For tests that need only the loader. `CONSENTRY_LOADER` names a built (minified) loader to test in place of the sources.
 *
 * Deliberately absent: any real network, and any decision: the boot document's lists are written down here.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launchBrowser } from "./harness.js";

/** @import { Browser, BrowserContextOptions, Page, Route } from "playwright-core" */

export const SITE = "https://shop.test";
export const CONSENTRY = "https://consent.test";

/** Where gated scripts and frames come from. */
export const OTHERS = "https://others.test";

export const POLICY = "1".repeat(64);
export const NEWER_POLICY = "2".repeat(64);

const WIDGET_JS = `
  const opened = (window.opened = []);
  consentry._widget = async ({ module_or_path }) => {
    await WebAssembly.instantiateStreaming(module_or_path);
    document.addEventListener("consentry:open", (event) => opened.push(event.detail));
  };`;
/** Answers what the loader handed over, and notes what it is asked. */
const MORE_JS = `
  consentry._more = (inside) => {
    window.inside = inside;
    const note = (name) => (...given) => (window.asked = [name, ...given]);
    return Object.fromEntries(["set", "identify", "signOut", "record", "receipt", "export", "erase", "language", "reset"].map((name) => [name, note(name)]));
  };`;
const WASM = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
const CENTRE = JSON.stringify({ v: 1, hash: POLICY, texts: {} });

/** @type {Record<string, [type: string, body: string | Buffer]>} */
const ASSETS = {
  "/assets/widget.js": ["text/javascript", WIDGET_JS],
  "/assets/widget.wasm": ["application/wasm", WASM],
  "/assets/centre.json": ["application/json", CENTRE],
  "/assets/more.js": ["text/javascript", MORE_JS],
  "/assets/debug.js": ["text/javascript", "consentry._debug = () => {}"],
};

export const ENGLISH = {
  title: "Your pictures, your choice",
  text: "AdForge works without any of this. Say what else we may do; you can change it at any time, at the foot of every page.",
  lines: [
    "Train our models with your product photos",
    "Make clips with other companies’ AI: Kie.AI, Gemini, Seedance, Kling",
    "Send you news of new features by e-mail",
    "Count visits with a cookie",
  ],
  accept: "Accept all",
  refuse: "Refuse all",
  choose: "Choose",
  offline: "You are offline. Your choice is kept here, and sent when you are back.",
  failed: "The choices in detail could not be loaded. You can still accept or refuse all, or try again.",
  signal: "Your browser asks sites not to sell or share your data. We have done so.",
  change_title: "Our terms have changed",
  change_text: "We only ask about what is new. Everything else stays as you chose it.",
  gate_off: "“{what}” is off, so this is not loaded.",
  gate_allow: "Allow and load",
};

export const GERMAN = {
  title: "Ihre Bilder, Ihre Entscheidung",
  text: "AdForge funktioniert ohne all das. Sagen Sie, was wir außerdem dürfen; ändern können Sie es jederzeit, unten auf jeder Seite.",
  lines: [
    "Unsere Modelle mit Ihren Produktfotos trainieren",
    "Clips mit der KI anderer Firmen erzeugen: Kie.AI, Gemini, Seedance, Kling",
    "Ihnen Neuigkeiten per E-Mail schicken",
    "Besuche mit einem Cookie zählen",
  ],
  accept: "Alle annehmen",
  refuse: "Alle ablehnen",
  choose: "Auswählen",
  offline: "Sie sind offline. Ihre Entscheidung bleibt hier und wird gesendet, sobald Sie zurück sind.",
  signal: "Ihr Browser bittet darum, Ihre Daten weder zu verkaufen noch weiterzugeben. Das tun wir.",
  change_title: "Unsere Bedingungen haben sich geändert",
  change_text: "Wir fragen nur nach dem, was neu ist. Alles andere bleibt, wie Sie es gewählt haben.",
  gate_off: "„{what}“ ist aus, deshalb wird das nicht geladen.",
  gate_allow: "Erlauben und laden",
  failed: "Die Einzelheiten konnten nicht geladen werden. Sie können weiterhin alle annehmen oder ablehnen oder es noch einmal versuchen.",
};

export const ARABIC = {
  title: "صورك، قرارك",
  text: "يعمل AdForge من دون أي من هذا. قل لنا ما المسموح به أيضًا؛ يمكنك تغييره في أي وقت أسفل كل صفحة.",
  lines: [
    "تدريب نماذجنا على صور منتجاتك",
    "إنشاء مقاطع بذكاء شركات أخرى: Kie.AI وGemini وSeedance وKling",
    "إرسال أخبار الميزات الجديدة بالبريد الإلكتروني",
    "عدّ الزيارات بملف تعريف ارتباط",
  ],
  accept: "قبول الكل",
  refuse: "رفض الكل",
  choose: "اختيار",
  offline: "أنت غير متصل. يبقى قرارك هنا ويُرسل عند عودتك.",
  signal: "يطلب متصفحك من المواقع عدم بيع بياناتك أو مشاركتها. وقد فعلنا ذلك.",
  change_title: "تغيّرت شروطنا",
  change_text: "نسأل فقط عن الجديد. ويبقى كل ما عداه كما اخترته.",
  gate_off: "«{what}» متوقف، لذلك لم يُحمَّل هذا.",
  gate_allow: "السماح والتحميل",
  failed: "تعذّر تحميل التفاصيل. ما زال بإمكانك قبول الكل أو رفضه، أو المحاولة مرة أخرى.",
};

const ALWAYS_ON = ["security", "service-messages"];
const GRANTED = [
  ...["ai-training", "analytics", "downstream-ai"],
  ...["gemini", "kie-ai", "kling", "seedance"].map((name) => `downstream-ai/${name}`),
  ...["marketing", ...ALWAYS_ON],
];

/** AdForge's boot document. @param {Record<string, unknown>} [changes] */
export function bootDocument(changes = {}) {
  return {
    v: 1,
    site: "adforge",
    base: CONSENTRY,
    policy: POLICY,
    notice: "a".repeat(64),
    language: "en",
    languages: ["en", "de", "ar"],
    dir: "ltr",
    regime: "opt-in",
    valid_ms: 31_536_000_000,
    rest_ms: 31_622_400_000,
    allowed: { nothing: ALWAYS_ON, refused: ALWAYS_ON, granted: GRANTED },
    texts: ENGLISH,
    widget: {
      js: asset("/assets/widget.js"),
      wasm: asset("/assets/widget.wasm"),
      centre: asset("/assets/centre.json"),
      more: asset("/assets/more.js"),
      debug: asset("/assets/debug.js"),
    },
    ...changes,
  };
}

/** @param {string} path */
function asset(path) {
  const digest = createHash("sha384").update(ASSETS[path][1]).digest("base64");
  return [path, `sha384-${digest}`];
}

/** The loader as one function expression. */
export function loaderSource() {
  const built = process.env.CONSENTRY_LOADER;
  if (built) return readFileSync(built, "utf8").replace(/;\s*$/, "");
  /** @param {string} name */
  const read = (name) => readFileSync(new URL(`../../www/loader/${name}`, import.meta.url), "utf8");
  const parts = read("order.txt").trim().split("\n").map(read);
  const source = `(function(boot){"use strict";\n${parts.join("\n")}\n})`;
  return source.replace('"@banner.css"', () => JSON.stringify(read("banner.css")));
}

/** Runs before anything in a page: notes what runs and what is heard. */
function listenInPage() {
  window.ran = [];
  window.heard = [];
  for (const name of ["change", "sync", "open", "choice", "close"]) {
    document.addEventListener(`consentry:${name}`, (event) => window.heard.push([name, /** @type {CustomEvent} */ (event).detail]));
  }
}

/** A page with the tag in its head. @param {string} body @param {string} [head] */
export function pageWith(body, head = "") {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <title>Shop</title>${head}<script src="${CONSENTRY}/adforge.js" async></script></head>
    <body>${body}</body></html>`;
}

export const PLAIN_PAGE = pageWith(`<main><h1>Shop</h1><p>Goods. <a id="link" href="/more">More</a></p>
  <button id="privacy" data-consentry="open">Privacy choices</button></main>`);

/**
 * @typedef {object} Play
 * @property {string | Record<string, string>} [html] the page, or pages by path
 * @property {ReturnType<typeof bootDocument>} [boot]
 * @property {Record<string, string>} [headers] of the page, as a CSP
 * @property {BrowserContextOptions} [context]
 * @property {boolean} [stay] do not visit the page yet
 */

/** @typedef {{ status: number, body?: object, headers?: Record<string, string> } | "offline"} Answer */

/** A visitor with a fresh profile, on a staged page. @param {Browser} browser @param {Play} [play] */
export async function openStage(browser, { html = PLAIN_PAGE, boot = bootDocument(), headers = {}, context: options, stay } = {}) {
  const context = await browser.newContext({ serviceWorkers: "block", ...options });
  await context.addInitScript(listenInPage);
  const page = await context.newPage();
  const stage = {
    context,
    page,
    boot,
    html,
    /** Addresses asked for, but for the page's own, in order. @type {string[]} */
    requests: [],
    /** Choices that reached the pretended server, with their `Authorization`. @type {{ choice: any, token: string | undefined }[]} */
    posts: [],
    /** What nobody caught. @type {string[]} */
    errors: [],
    /** How the server answers. @type {(choice: any) => Answer} */
    answer: receipt,
    visit: (path = "/") => page.goto(SITE + path),
    allowed: () => page.evaluate(() => window.heard.filter(([name]) => name === "change").at(-1)?.[1].allowed ?? []),
    /** Settles when the loader has said so. @param {string} state */
    synced: (state) => page.waitForFunction((wanted) => window.heard.at(-1)?.[0] === "sync" && window.heard.at(-1)?.[1].state === wanted, state),
    stored: () => page.evaluate(() => JSON.parse(localStorage["consentry:adforge"] ?? "null")),
    /** @param {string} name */
    press: (name) => page.getByRole("button", { name, exact: true }).click(),
    banner: page.locator("consentry-banner"),
    close: () => context.close(),
  };
  page.on("pageerror", (error) => stage.errors.push(error.message));
  context.on("request", (request) => {
    if (!request.isNavigationRequest()) stage.requests.push(request.url());
  });
  await context.route("**/*", (route) => perform(stage, headers, route));
  if (!stay) await stage.visit();
  return stage;
}

/** @typedef {Awaited<ReturnType<typeof openStage>>} Stage */

/** @param {any} choice @returns {Answer} */
export function receipt(choice) {
  const { id, policy, notice } = choice;
  const body = { v: 1, id, seq: 1, recorded_at_ms: 1, expires_at_ms: Date.now() + 31_536_000_000, policy, notice };
  return { status: 201, body };
}

/** @param {string} name @param {number} status @returns {Answer} */
export function problem(name, status) {
  return { status, body: { type: `/problems/${name}`, title: name, status } };
}

/** @param {Stage} stage @param {Record<string, string>} headers @param {Route} route */
async function perform(stage, headers, route) {
  const url = new URL(route.request().url());
  const cors = { "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After" };
  if (url.origin === SITE) {
    const body = typeof stage.html === "string" ? stage.html : (stage.html[url.pathname] ?? "");
    return route.fulfill({ contentType: "text/html; charset=utf-8", headers, body });
  }
  if (url.origin === OTHERS) return performOther(route, url);
  if (url.pathname === "/adforge.js") {
    return route.fulfill({ contentType: "text/javascript", body: `${loaderSource()}(${JSON.stringify(stage.boot)})` });
  }
  if (url.pathname in ASSETS) {
    const [contentType, body] = ASSETS[url.pathname];
    return route.fulfill({ contentType, headers: cors, body });
  }
  if (!/^\/v1\/sites\/adforge\/(choices|signals|demands)$/.test(url.pathname)) return route.fulfill({ status: 404, headers: cors });
  const choice = route.request().postDataJSON();
  const answer = stage.answer(choice);
  if (answer === "offline") return route.abort("internetdisconnected");
  stage.posts.push({ choice, token: route.request().headers().authorization });
  return route.fulfill({
    status: answer.status,
    contentType: answer.status < 300 ? "application/json" : "application/problem+json",
    headers: { ...cors, ...answer.headers },
    body: JSON.stringify(answer.body ?? {}),
  });
}

/** `/name.js` notes its name; anything else is a page. @param {Route} route @param {URL} url */
function performOther(route, url) {
  const name = url.pathname.slice(1).replace(/\..*/, "");
  if (url.pathname.endsWith(".js")) {
    return route.fulfill({
      contentType: "text/javascript",
      headers: { "Access-Control-Allow-Origin": "*" },
      body: `window.ran.push(${JSON.stringify(name)})`,
    });
  }
  return route.fulfill({ contentType: "text/html", body: `<p>${name}` });
}

/** One browser for a file of tests, and what makes a test of a stage. */
export function stagedTests() {
  /** @type {Browser} */
  let browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  /** @param {string} name @param {Play} play @param {(stage: Stage) => Promise<void>} body */
  return function onStage(name, play, body) {
    test(name, async () => {
      const stage = await openStage(browser, play);
      try {
        await body(stage);
      } finally {
        await stage.close();
      }
    });
  };
}
