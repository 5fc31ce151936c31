/**
 * Programs that answer banners for people, against ours: DuckDuckGo's autoconsent itself, and Consent-O-Matic's rules, read
 * as its own engine does.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before } from "node:test";
import { packages } from "../npm/workshop.js";
import { ROOT } from "./harness.js";
import { GERMAN, bootDocument, stagedTests } from "./stage.js";

/** @import { Stage } from "./stage.js" */

const onStage = stagedTests();
const { refused, granted } = bootDocument().allowed;

/** How long autoconsent may take: it waits half a second between two looks. */
const DONE_MS_MAX = 20_000;

let engine = "";

/** @param {string} name */
const rulesOf = async (name) => JSON.parse(await readFile(join(ROOT, "www/rules", `${name}.json`), "utf8"));

before(async () => {
  const folder = join(await packages("rules"), "node_modules/@duckduckgo/autoconsent");
  const source = await readFile(join(folder, "dist/autoconsent.cjs.js"), "utf8");
  engine = `window.AutoConsent = (() => { const module = { exports: {} }; const { exports } = module; ${source}; return module.exports; })().default;`;
});

/** Runs autoconsent with our rule, and settles with what it said of itself. @param {Stage} stage @param {"optOut" | "optIn"} autoAction */
async function runAutoconsent(stage, autoAction) {
  await stage.banner.waitFor();
  const rule = await rulesOf("autoconsent");
  await stage.page.evaluate(engine);
  return stage.page.evaluate(
    ([rule, autoAction, limit]) =>
      new Promise((resolve, reject) => {
        /** @type {any[]} */
        const said = [];
        setTimeout(() => reject(new Error(`not done: ${JSON.stringify(said)}`)), limit);
        const hear = async (/** @type {any} */ message) => {
          said.push(message);
          // As the extension does once a choice has been made.
          if (/^opt(Out|In)Result$/.test(message.type) && message.result) {
            setTimeout(() => consent.receiveMessageCallback({ type: "selfTest" }));
          }
          if (message.type === "selfTestResult" || message.type === "autoconsentError") resolve(said);
        };
        const { AutoConsent } = /** @type {any} */ (window);
        const consent = new AutoConsent(hear);
        const config = { enabled: true, autoAction, enablePrehide: true, detectRetries: 5, isMainWorld: true, heuristicMode: "off" };
        consent.initialize(config, { autoconsent: [rule] });
      }),
    /** @type {const} */ ([rule, autoAction, DONE_MS_MAX]),
  );
}

/** @type {[autoAction: "optOut" | "optIn", outcome: string, allowed: string[], boot: Record<string, unknown>][]} */
const ACTIONS = [
  ["optOut", "all-refused", refused, {}],
  ["optOut", "all-refused", refused, { layout: "box", language: "de", texts: GERMAN }],
  ["optIn", "all-granted", granted, {}],
];

for (const [action, outcome, allowed, changes] of ACTIONS) {
  onStage(`autoconsent_chooses: ${action} ${changes.layout ?? "bar"}`, { boot: bootDocument(changes) }, async (stage) => {
    const said = /** @type {any[]} */ (await runAutoconsent(stage, action));
    const heard = new Map(said.map((message) => [message.type, message]));
    assert.equal(heard.get("popupFound")?.cmp, "consentry");
    assert.equal(heard.get(`${action}Result`)?.result, true);
    assert.equal(heard.get("selfTestResult")?.result, true);
    assert.deepEqual(await stage.allowed(), allowed);
    assert.equal((await stage.stored()).choices.at(-1).outcome, outcome);
    assert.equal(await stage.banner.count(), 0);
    await stage.visit();
    await stage.page.waitForFunction(() => window.heard.length);
    assert.equal(await stage.banner.count(), 0, "it is not asked again");
  });
}

// ── Consent-O-Matic ─────────────────────────────────────────────────────────────────────────────

/**
 * What our rule uses of Consent-O-Matic's format; anything else is an error. Answers which methods were run, or null where
 * the rule finds no banner.
 *
 * @param {[rules: any, consents: Record<string, boolean>]} given
 */
async function consentOMatic([{ consentry: rule }, consents]) {
  /** @param {object} config @param {string[]} names */
  function onlyHas(config, ...names) {
    const other = Object.keys(config).find((name) => !names.includes(name));
    if (other) throw new Error(`\`${other}\` is not read here`);
  }

  /** @param {any} selection @param {any} within */
  function find(selection, within = document) {
    onlyHas(selection, "selector", "displayFilter");
    // Its engine looks into a shadow root where an element has one.
    const found = [...(within.shadowRoot ?? within).querySelectorAll(selection.selector)];
    return found.filter(({ offsetHeight }) => !("displayFilter" in selection) || selection.displayFilter === (offsetHeight !== 0))[0];
  }

  /** @param {any} config */
  function target({ parent, target }) {
    const within = parent ? find(parent) : document;
    return within && find(target, within);
  }

  /** @param {any} matchers */
  const matches = (matchers) =>
    matchers.every((/** @type {any} */ matcher) => {
      onlyHas(matcher, "type", "parent", "target");
      if (matcher.type !== "css") throw new Error(matcher.type);
      return target(matcher);
    });

  /** @param {any} action @returns {Promise<void>} */
  async function act(action) {
    onlyHas(action, "type", "parent", "target", "trueAction", "falseAction", "negated");
    if (action.type === "click") target(action)?.click();
    else if (action.type === "hide") target(action)?.classList.add("ConsentOMatic-CMP-Hider");
    else if (action.type === "ifallowall") await act(Object.values(consents).every(Boolean) ? action.trueAction : action.falseAction);
    else if (action.type === "waitcss") {
      for (let tries = 10; tries && !target(action) !== !!action.negated; tries--) await new Promise((resolve) => setTimeout(resolve, 250));
      if (!target(action) !== !!action.negated) throw new Error("what it waits for has not come");
    } else throw new Error(action.type);
  }

  const detector = rule.detectors.find((/** @type {any} */ { presentMatcher }) => matches(presentMatcher));
  if (!detector || !matches(detector.showingMatcher)) return null;
  const done = [];
  for (const name of ["HIDE_CMP", "OPEN_OPTIONS", "DO_CONSENT", "SAVE_CONSENT"]) {
    const method = rule.methods.find((/** @type {any} */ method) => method.name === name);
    if (method?.action) await act(method.action);
    if (method) done.push(name);
  }
  return done;
}

/** Its kinds of consent, from preferences (A) to other uses (X). @param {boolean} all @param {boolean} [statistics] */
const consents = (all, statistics = all) => ({ A: all, B: statistics, D: all, E: all, F: all, X: all });

/** @type {[name: string, consents: Record<string, boolean>, outcome: string, allowed: string[]][]} */
const PREFERENCES = [
  ["nothing", consents(false), "all-refused", refused],
  ["everything", consents(true), "all-granted", granted],
  ["statistics alone", consents(false, true), "all-refused", refused],
  ["all but statistics", consents(true, false), "all-refused", refused],
];

for (const [name, wanted, outcome, allowed] of PREFERENCES) {
  onStage(`consent_o_matic_chooses: ${name}`, {}, async (stage) => {
    await stage.banner.waitFor();
    const rules = await rulesOf("consent-o-matic");
    const done = await stage.page.evaluate(consentOMatic, /** @type {[any, Record<string, boolean>]} */ ([rules, wanted]));
    assert.deepEqual(done, ["HIDE_CMP", "OPEN_OPTIONS", "DO_CONSENT", "SAVE_CONSENT"]);
    assert.deepEqual(await stage.allowed(), allowed);
    assert.equal((await stage.stored()).choices.at(-1).outcome, outcome);
    assert.equal(await stage.page.evaluate(consentOMatic, /** @type {[any, Record<string, boolean>]} */ ([rules, wanted])), null, "and finds no banner now");
  });
}
