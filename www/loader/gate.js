/**
 * What may run on this page: holds back `<script type="text/plain" data-consent>` and `<iframe data-src data-consent>`
 * until their target is allowed, and closes the frames again when it no longer is.
 *
 * `allowed` is the whole truth here. It is computed by the core, elsewhere; this file looks up names in it and knows
 * nothing of purposes, stances or regimes.
 *
 * Deliberately absent: undoing a script that has run (nothing can; features close by `consentry:change`), elements inside
 * other people's shadow roots, and combinations of targets.
 */

/** @type {string[]} */
let allowed = [];

/** Gated elements that may still open or close, in document order. @type {Set<Element>} */
const gated = new Set();

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

/** Makes the page obey, then tells it. @param {string[]} list */
function obey(list) {
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
  const selector = 'script[type="text/plain"][data-consent],iframe[data-src][data-consent]';
  if (root.matches(selector)) gated.add(root);
  root.querySelectorAll(selector).forEach((element) => gated.add(element));
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
  if (!element.isConnected) gated.delete(element);
  else if (element instanceof HTMLIFrameElement) settleFrame(element);
  else if (isOpen(element) && isComplete(element)) startScript(/** @type {HTMLScriptElement} */ (element));
}

/** @param {Element} element */
function isOpen(element) {
  const purpose = element.getAttribute("data-consent") || "";
  const name = "data-consent-processor";
  return element.hasAttribute(name) ? can(purpose, { processor: element.getAttribute(name) }) : can(purpose);
}

/** @param {HTMLIFrameElement} frame */
function settleFrame(frame) {
  const wanted = frame.getAttribute("data-src") || "";
  if (isOpen(frame)) {
    if (frame.getAttribute("src") !== wanted) frame.src = wanted;
  } else if (frame.hasAttribute("src")) {
    const { parentNode, nextSibling } = frame;
    frame.removeAttribute("src");
    // Taking it out ends its page at once; navigating it would leave that running meanwhile, and in the history.
    frame.remove();
    if (parentNode) parentNode.insertBefore(frame, nextSibling);
  }
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
      if (isOpen(original)) runScript(original, src, type);
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
