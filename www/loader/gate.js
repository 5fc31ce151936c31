/**
 * What may run and load on this page: holds back what is tagged until its expression holds, and closes embeds again when it
 * no longer does.
 *
 * `<script type="text/plain" data-consent>`, and whatever has `data-src`, `data-srcset` or `data-href` beside `data-consent`:
 * frames, pictures, links, style sheets. What cookieconsent, klaro and c15t use in its place is understood,
 * where the policy knows the name.
 *
 * `allowed` is the whole truth here. It is computed by the core, elsewhere; this file looks up names in it and knows
 * nothing of purposes, stances or regimes.
 *
 * Deliberately absent: undoing a script that has run (nothing can; features close by `consentry:change`), elements inside
 * other people's shadow roots, and parentheses: `a & b | c` is all that pages were found to need.
 */

const ADDRESSES = ["src", "srcset", "href"];

/** What other systems call `data-consent`: cookieconsent, c15t, klaro. */
const THEIRS = ["data-service", "data-category", "data-c15t-category", "data-name"];

const ELEMENTS = "consentry-gate,consentry-toggle,consentry-preferences";

/** @type {string[]} */
let allowed = [];

/** Gated elements that may still open or close, in document order. @type {Set<Element>} */
const gated = new Set();

/** Whether the page has anything that needs `more.js`. */
let wantsMore = false;

/** The last script started in order that has not run yet. @type {HTMLScriptElement | null} */
let running = null;

/**
 * Membership, and nothing else. Options without a processor are denied, so that a misspelt name does not turn into the
 * wider question.
 *
 * @param {string} purpose
 * @param {{ processor: string | null }} [options]
 */
function can(purpose, options) {
  return allowed.includes(options ? purpose + "/" + options.processor : purpose);
}

/** Our name for what other systems call otherwise. @param {string} name */
function ours(name) {
  return boot.names?.[name] || name;
}

/** Whether anything is called so that could ever be allowed. @param {string} name */
function isKnown(name) {
  return boot.allowed.granted.includes(ours(name));
}

/**
 * Whether `analytics & !marketing | downstream-ai/kling` holds. A name that the policy does not have never does, nor does
 * its opposite.
 *
 * @param {string} expression
 */
function meets(expression) {
  return expression.split("|").some((all) =>
    all.split("&").every((term) => {
      const name = term.replace("!", "").trim();
      return isKnown(name) && can(ours(name)) !== term.includes("!");
    }),
  );
}

/** The expression of a gated element; null where it is none of ours. @param {Element} element */
function wanted(element) {
  const own = element.getAttribute("data-consent");
  const processor = element.getAttribute("data-consent-processor");
  if (own !== null) return processor === null ? own : own + "/" + processor;
  // Other scripts use such names as well: what the policy does not know is left alone.
  const names = THEIRS.map((name) => element.getAttribute(name) || "");
  return names.find((name) => isKnown(name.replace("!", "").trim())) || null;
}

/** Makes the page obey, then tells it. @param {string[]} list */
function obey(list) {
  // What a demand stands against, or the account that is signed in, whatever the device has chosen.
  for (const who of [inside, readStored()]) list = without(list, who?.ends);
  const changed = list.join() !== allowed.join();
  allowed = [...list];
  settleAll();
  if (changed) emit("change", { allowed: [...list] });
}

/** @param {string} name @param {object} detail */
function emit(name, detail) {
  document.dispatchEvent(new CustomEvent("consentry:" + name, { detail: { v: 1, ...detail } }));
}

/** Finds what is gated, now and whenever the page grows. */
function watchPage() {
  collect(document.documentElement);
  new MutationObserver((records) => {
    for (const record of records) for (const node of record.addedNodes) if (node instanceof Element) collect(node);
    settleAll();
  }).observe(document, { childList: true, subtree: true });
  document.addEventListener("DOMContentLoaded", settleAll);
}

/** @param {Element} root */
function collect(root) {
  const selector =
    ':is([type="text/plain"],[data-src],[data-srcset],[data-href]):is([data-consent],[data-category],[data-c15t-category],[data-name])';
  if (root.matches(selector)) gated.add(root);
  root.querySelectorAll(selector).forEach((element) => gated.add(element));
  // A page that has our elements wants them now.
  if (!wantsMore && (root.matches(ELEMENTS) || root.querySelector(ELEMENTS))) {
    wantsMore = true;
    bringMore();
  }
}

function settleAll() {
  gated.forEach((element) => {
    try {
      settle(element);
    } catch (error) {
      // One element that the page's own rules forbid must not keep the others, or the banner, from working.
      console.error(error);
    }
  });
}

/** @param {Element} element */
function settle(element) {
  const expression = wanted(element);
  if (expression === null || !element.isConnected) gated.delete(element);
  else if (!(element instanceof HTMLScriptElement)) settleEmbed(element, meets(expression));
  else if (meets(expression) && isComplete(element)) startScript(element);
}

/** @param {Element} element @param {boolean} isOpen */
function settleEmbed(element, isOpen) {
  let closes = false;
  for (const name of ADDRESSES) {
    const address = element.getAttribute("data-" + name);
    if (address === null) continue;
    if (!isOpen) {
      closes = closes || element.hasAttribute(name);
      element.removeAttribute(name);
    } else if (element.getAttribute(name) !== address) element.setAttribute(name, trusted.createScriptURL(address));
  }
  if (!isOpen && !wantsMore && element.matches("iframe,video,embed,object")) {
    // Which says in its place what it is, once the page itself has loaded.
    wantsMore = true;
    whenIdle(bringMore);
  }
  if (!closes) return;
  // Taking it out ends its page at once; navigating it would leave that running meanwhile, and in the history.
  const { parentNode, nextSibling } = element;
  element.remove();
  if (parentNode) parentNode.insertBefore(element, nextSibling);
}

/**
 * Whether the parser is past this element. It hands us an inline script as soon as its tag is open, and half a script
 * must not run.
 *
 * @param {Element} element
 */
function isComplete(element) {
  if (element.hasAttribute("src") || element.hasAttribute("data-src")) return true;
  for (let node = /** @type {Node | null} */ (element); node; node = node.parentNode) {
    if (node.nextSibling && node.parentNode !== document.documentElement) return true;
  }
  return document.readyState !== "loading";
}

/**
 * Starts a script in place of its inert original. Scripts are fetched in parallel and run in document order, unless they
 * say `async`; an inline script waits for the ordered ones before it, as it would without us.
 *
 * @param {HTMLScriptElement} original
 */
function startScript(original) {
  gated.delete(original);
  const src = original.getAttribute("data-src") || original.getAttribute("src");
  const type = original.getAttribute("data-type") || "";
  if (!src && running && type !== "module") {
    const resume = () => {
      gated.add(original);
      if (meets(wanted(original) || "")) runScript(original, src, type);
    };
    running.addEventListener("load", resume);
    running.addEventListener("error", resume);
  } else runScript(original, src, type);
}

/** @param {HTMLScriptElement} original @param {string | null} src @param {string} type */
function runScript(original, src, type) {
  const script = document.createElement("script");
  for (const attribute of original.attributes) {
    // Copied as nodes: a page may use names that the parser takes and `setAttribute` refuses.
    if (!/^(data-)?(src|type)$/.test(attribute.name)) {
      script.setAttributeNode(/** @type {Attr} */ (attribute.cloneNode()));
    }
  }
  // A nonce is hidden from the attribute once the element is in a page.
  script.nonce = original.nonce;
  if (type) script.type = type;
  script.async = original.hasAttribute("async");
  if (src) script.src = trusted.createScriptURL(src);
  else script.text = trusted.createScript(original.text);
  if (src && !script.async) {
    running = script;
    const done = () => {
      if (running === script) running = null;
    };
    script.addEventListener("load", done);
    script.addEventListener("error", done);
  }
  original.replaceWith(script);
}
