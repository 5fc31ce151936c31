/**
 * Who is compared, each prepared as favourably as its documentation allows: its own minified build (or the bundle that its
 * quickstart makes), on the page's own origin, scripts deferred and style sheets linked in the head so that nothing waits for
 * anything else, the configuration inline, and entrances without animation where that is a documented setting.
 *
 * What a peer's parts are called here is all that the probe knows of it; `host` is an element whose shadow root they are in.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { GATED, PURPOSES, TEXT, TITLE, gatedAddress } from "./site.js";

/** @typedef {{ selector: string, text?: string, host?: string }} Part */

/**
 * @typedef {object} Peer
 * @property {string} name with its version
 * @property {string} slug its folder on the site
 * @property {Record<string, string | Uint8Array>} files in that folder, by name
 * @property {{ head: string, body: string }} page
 * @property {{ accept: Part, customise?: Part, dialog?: Part, toggle?: Part, save?: Part } | null} parts null where nobody asks
 */

const { resolve } = createRequire(import.meta.url);

/** @param {string} path in `node_modules` */
const npm = (path) => readFileSync(resolve(`./node_modules/${path}`));

/** @param {string} name */
const version = (name) => JSON.parse(npm(`${name}/package.json`).toString()).version;

/** @param {(purpose: string, address: string) => string} tag */
const gatedTags = (tag) => GATED.map((purpose) => tag(purpose, gatedAddress(purpose))).join("\n");

/** @param {unknown} value inside a script */
const json = (value) => JSON.stringify(value).replaceAll("</", "<\\/");

/** What everybody brings in comparison: the page by itself. @returns {Peer} */
const nobody = () => ({ name: "the page alone", slug: "alone", files: {}, page: { head: "", body: "" }, parts: null });

/** @param {string} server where our server is @returns {Peer} */
const ours = (server) => ({
  name: "Consentry",
  slug: "consentry",
  files: {},
  page: {
    head: `<script src="${server}/adforge.js" async></script>`,
    body: gatedTags((purpose, src) => `<script type="text/plain" data-consent="${purpose}" src="${src}"></script>`),
  },
  parts: {
    accept: { host: "consentry-banner", selector: "button", text: "Accept all" },
    customise: { host: "consentry-banner", selector: "button", text: "Choose" },
    dialog: { host: "consentry-centre", selector: "dialog" },
    toggle: { host: "consentry-centre", selector: "[role=switch]" },
    save: { host: "consentry-centre", selector: "button", text: "Save choice" },
  },
});

/** @returns {Peer} */
function cookieconsent() {
  const section = ({ id = "", title = "", text = "" }) => ({ title, description: text, linkedCategory: id });
  const buttons = { acceptAllBtn: "Accept all", acceptNecessaryBtn: "Refuse all" };
  const config = {
    // It hides from automated browsers unless told.
    hideFromBots: false,
    categories: { necessary: { enabled: true, readOnly: true }, ...Object.fromEntries(PURPOSES.map(({ id }) => [id, {}])) },
    language: {
      default: "en",
      translations: {
        en: {
          consentModal: { title: TITLE, description: TEXT, ...buttons, showPreferencesBtn: "Choose" },
          preferencesModal: { title: TITLE, ...buttons, savePreferencesBtn: "Save choices", sections: PURPOSES.map(section) },
        },
      },
    },
  };
  return {
    name: `cookieconsent ${version("vanilla-cookieconsent")}`,
    slug: "cookieconsent",
    files: {
      "cookieconsent.css": npm("vanilla-cookieconsent/dist/cookieconsent.css"),
      "cookieconsent.js": npm("vanilla-cookieconsent/dist/cookieconsent.umd.js"),
    },
    page: {
      head: `<link rel="stylesheet" href="cookieconsent.css"><style>#cc-main{--cc-modal-transition-duration:0s}</style>
<script defer src="cookieconsent.js"></script><script type="module">CookieConsent.run(${json(config)})</script>`,
      body: gatedTags((purpose, src) => `<script type="text/plain" data-category="${purpose}" src="${src}"></script>`),
    },
    parts: {
      accept: { selector: "#cc-main .cm [data-role=all]" },
      customise: { selector: "#cc-main .cm [data-role=show]" },
      dialog: { selector: "#cc-main .pm" },
      toggle: { selector: "#cc-main .pm .section__toggle:not([disabled])" },
      save: { selector: "#cc-main .pm [data-role=save]" },
    },
  };
}

/** @returns {Peer} */
function orejime() {
  const config = {
    privacyPolicyUrl: "/privacy",
    purposes: PURPOSES.map(({ id, title, text }) => ({ id, title, description: text, cookies: [] })),
    translations: {
      banner: { title: TITLE, description: TEXT, accept: "Accept all", decline: "Refuse all", configure: "Choose" },
    },
  };
  return {
    name: `orejime ${version("orejime")}`,
    slug: "orejime",
    files: {
      "orejime.css": npm("orejime/dist/orejime-standard.css"),
      "orejime.js": npm("orejime/dist/orejime-standard-en.js"),
    },
    page: {
      head: `<link rel="stylesheet" href="orejime.css"><script>window.orejimeConfig=${json(config)}</script>
<script defer src="orejime.js"></script>`,
      body: gatedTags((purpose, src) => `<template data-purpose="${purpose}"><script src="${src}"></script></template>`),
    },
    parts: {
      accept: { selector: ".orejime-Banner button", text: "Accept all" },
      customise: { selector: ".orejime-Banner button", text: "Choose" },
      dialog: { selector: ".orejime-Modal" },
      toggle: { selector: ".orejime-Modal input[type=checkbox]" },
      save: { selector: ".orejime-Modal-saveButton" },
    },
  };
}

/** Osano's has no purposes: one yes or no, and a callback in which the site starts its own scripts. @returns {Peer} */
function osano() {
  const content = { message: TEXT, allow: "Accept all", deny: "Refuse all", link: "Privacy", href: "/privacy" };
  const script = `const add=(src)=>document.head.append(Object.assign(document.createElement("script"),{src}));
const start=()=>${json(GATED.map(gatedAddress))}.forEach(add);
cookieconsent.initialise({type:"opt-in",content:${json(content)},palette:{popup:{background:"#fff",text:"#222"},button:{background:"#eee"}},
onInitialise(){this.hasConsented()&&start()},onStatusChange(){this.hasConsented()&&start()}})`;
  return {
    name: `Osano ${version("cookieconsent")}`,
    slug: "osano",
    files: {
      "cookieconsent.css": npm("cookieconsent/build/cookieconsent.min.css"),
      "cookieconsent.js": npm("cookieconsent/build/cookieconsent.min.js"),
    },
    page: {
      head: `<link rel="stylesheet" href="cookieconsent.css"><script defer src="cookieconsent.js"></script>
<script type="module">${script}</script>`,
      body: "",
    },
    parts: { accept: { selector: ".cc-window .cc-allow" } },
  };
}

/** @returns {Peer} */
function klaro() {
  const services = PURPOSES.map(({ id, title, text }) => ({ name: id, title, description: text, purposes: [id] }));
  const texts = {
    ...{ consentNotice: { title: TITLE, description: TEXT, learnMore: "Choose" }, ok: "Accept all", acceptAll: "Accept all" },
    ...{ decline: "Refuse all", save: "Save choices", acceptSelected: "Save choices", consentModal: { title: TITLE, description: TEXT } },
    purposes: Object.fromEntries(PURPOSES.map(({ id, title }) => [id, title])),
  };
  const config = { acceptAll: true, lang: "en", groupByPurpose: false, privacyPolicy: "/privacy", services, translations: { en: texts } };
  return {
    name: `klaro ${version("klaro")}`,
    slug: "klaro",
    files: { "klaro.js": npm("klaro/dist/klaro.js") },
    page: {
      head: `<script>window.klaroConfig=${json(config)}</script><script defer src="klaro.js"></script>`,
      body: gatedTags(
        (purpose, src) => `<script type="text/plain" data-type="text/javascript" data-name="${purpose}" data-src="${src}"></script>`,
      ),
    },
    parts: {
      accept: { selector: ".klaro .cookie-notice .cm-btn-success" },
      customise: { selector: ".klaro .cookie-notice .cn-learn-more, .klaro .cookie-notice .cm-link" },
      dialog: { selector: ".klaro .cookie-modal .cm-modal" },
      toggle: { selector: ".klaro .cookie-modal .cm-services input[type=checkbox]:not([disabled])" },
      save: { selector: ".klaro .cookie-modal .cm-btn-accept" },
    },
  };
}

/** @returns {Promise<Peer>} */
async function c15t() {
  const folder = fileURLToPath(new URL(".", import.meta.url));
  const common = /** @type {const} */ ({ absWorkingDir: folder, bundle: true, minify: true, write: false, logLevel: "error" });
  const script = { entryPoints: ["bundle-c15t.js"], define: { "process.env.NODE_ENV": '"production"' }, target: "es2022" };
  const [{ outputFiles: scripts }, { outputFiles: sheets }] = await Promise.all([
    build({ ...common, ...script, format: "iife" }),
    build({ ...common, entryPoints: [resolve("@c15t/react/styles.css")] }),
  ]);
  return {
    name: `c15t ${version("@c15t/react")}, React ${version("react")}`,
    slug: "c15t",
    files: { "c15t.js": scripts[0].contents, "c15t.css": sheets[0].contents },
    page: {
      head: '<link rel="stylesheet" href="c15t.css"><script defer src="c15t.js"></script>',
      body: '<div id="consent"></div>',
    },
    parts: {
      accept: { selector: "[data-testid=consent-banner-accept-button]" },
      customise: { selector: "[data-testid=consent-banner-customize-button]" },
      dialog: { selector: "[data-testid=consent-dialog-card]" },
      toggle: { selector: "[data-testid=consent-dialog-card] [role=switch]:not([disabled])" },
      save: { selector: "[data-testid=consent-widget-footer-save-button]" },
    },
  };
}

/** The page alone comes first: what it costs is taken off the others' bytes. @param {string} server @returns {Promise<Peer[]>} */
export async function everybody(server) {
  return [nobody(), ours(server), cookieconsent(), orejime(), osano(), klaro(), await c15t()];
}
