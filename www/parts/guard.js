/**
 * Holds back what nobody tagged: scripts, frames, pictures, media, links and requests to hosts that a target needs, as long
 * as that is not allowed. An element is given the tag that it lacks, so that the loader's gate opens and closes it; a
 * request fails as it would without a network.
 *
 * What a page makes by script is caught before anything is asked for. Of what stands in its markup after this script, no
 * script runs; but browsers read ahead, and frames begin at once: an address may have been asked for before anybody could
 * look. What must not even be asked for is tagged in the markup; and a site's script that is `async` guards what comes
 * after it only.
 *
 * Deliberately absent: what style sheets, workers and frames ask for; sockets; and scripts that stood in the page before
 * this one, which nothing can stop.
 */

/**
 * @typedef {HTMLScriptElement | HTMLIFrameElement | HTMLImageElement | HTMLLinkElement | HTMLMediaElement
 *   | HTMLSourceElement} Loading
 */

const EMBEDS = "iframe,img,link,video,audio,source";
const ADDRESSES = ["src", "srcset", "href"];

/** @type {{ prototype: Loading }[]} */
const LOADING = [
  HTMLScriptElement,
  HTMLIFrameElement,
  HTMLImageElement,
  HTMLLinkElement,
  HTMLMediaElement,
  HTMLSourceElement,
];

const INERT = "text/plain";

const hosts = new Map(Object.entries(config.hosts));

/** Elements that have their tag from here. @type {WeakSet<Element>} */
const tagged = new WeakSet();

/**
 * Scripts that were held back as they were made, each with the very value that its address was set to.
 *
 * @type {[HTMLScriptElement, string][]}
 */
const heldScripts = [];

if (!(window.consentry && "_renew" in window.consentry)) startGuard();

function startGuard() {
  for (const { prototype } of LOADING) {
    for (const name of ADDRESSES) guardProperty(prototype, name);
    prototype.setAttribute = function (name, value) {
      const lower = String(name).toLowerCase();
      if (ADDRESSES.includes(lower) && divert(this, lower, value)) return;
      Element.prototype.setAttribute.call(this, name, value);
      noticeSource(this);
    };
  }
  guardRequests();
  const { documentElement } = document;
  new MutationObserver((records) => {
    for (const record of records) {
      for (const node of record.addedNodes) if (node instanceof Element) holdAll(node, "script," + EMBEDS);
    }
  }).observe(document, { childList: true, subtree: true });
  // When the loader has said what is allowed. Scripts that are here have run, or can no longer be stopped.
  queueMicrotask(() => holdAll(documentElement, EMBEDS));
  document.addEventListener("consentry:change", () => holdAll(documentElement, "iframe"));
}

/** @param {Element} root @param {string} selector */
function holdAll(root, selector) {
  for (const element of [root, ...root.querySelectorAll(selector)]) {
    if (element.matches(selector)) holdPresent(/** @type {Loading} */ (element));
  }
}

/** Of an element in the page. @param {Loading} element */
function holdPresent(element) {
  // A page may name a type after the address.
  if (element instanceof HTMLScriptElement && tagged.has(element)) makeInert(element);
  else if (!ADDRESSES.filter((name) => hold(element, name, element.getAttribute(name))).length) return;
  else if (element instanceof HTMLScriptElement || element instanceof HTMLLinkElement) {
    // A script may be past its type already, and in another document it does not run. A sheet that is on its way would be applied where
    // its element is, address or not.
    const twin = /** @type {Loading} */ (element.cloneNode(true));
    tagged.add(twin);
    element.replaceWith(twin);
    document.implementation.createHTMLDocument("").adoptNode(element);
  } else reinsert(element);
}

/** @param {Loading} prototype @param {string} name */
function guardProperty(prototype, name) {
  const native = Object.getOwnPropertyDescriptor(prototype, name);
  if (!native) return;
  Object.defineProperty(prototype, name, {
    ...native,
    set(value) {
      if (divert(this, name, value)) return;
      native.set?.call(this, inheritance(this, value));
      noticeSource(this);
    },
  });
}

/**
 * What happens to an address that is being set; true where it must not be.
 *
 * @param {Loading} element
 * @param {string} name
 * @param {string} value
 */
function divert(element, name, value) {
  if (!hold(element, name, value)) {
    // The gate sets what we put aside. Anything else is the page's change of mind, and needs no tag.
    const aside = tagged.has(element) && element.getAttribute("data-" + name);
    if (aside && aside !== String(value)) untag(element, name);
    return false;
  }
  if (element instanceof HTMLScriptElement) heldScripts.push([element, value]);
  reinsert(element);
  return true;
}

/** Tags an element, if its address is to wait. @param {Loading} element @param {string} name @param {string | null} value */
function hold(element, name, value) {
  if (value === null || (!tagged.has(element) && element.matches(`[data-consent],script[type="${INERT}"]`))) return false;
  // Others, as `canonical`, are words about the page.
  if (element instanceof HTMLLinkElement && element.rel && !/sheet|icon|pre[lfcr]/.test(element.rel)) return false;
  const addresses = name === "srcset" ? String(value).split(/[\s,]+/) : [value];
  const target = addresses.map(neededFor).find(Boolean);
  if (!target) return false;
  tagged.add(element);
  element.setAttribute("data-consent", target);
  element.setAttribute("data-" + name, value);
  element.removeAttribute(name);
  if (element instanceof HTMLScriptElement) {
    makeInert(element);
    // One made by script is asynchronous without saying so.
    if (element.async) element.async = true;
  }
  reload(element);
  return true;
}

/** The target that must be allowed before an address may be asked for. @param {string | URL} address */
function neededFor(address) {
  try {
    for (let host = new URL(address, document.baseURI).hostname; host; host = host.replace(/^[^.]*\.?/, "")) {
      const target = hosts.get(host);
      // Asked, not remembered: the gate opens elements before it tells of a change.
      if (target) return window.consentry?.can?.(target) ? "" : target;
    }
  } catch {
    // No address: the browser may say so.
  }
  return "";
}

/** @param {HTMLScriptElement} script */
function makeInert(script) {
  if (script.type === INERT) return;
  if (script.type) script.setAttribute("data-type", script.type);
  script.type = INERT;
}

/** @param {Loading} element @param {string} name */
function untag(element, name) {
  tagged.delete(element);
  element.removeAttribute("data-consent");
  element.removeAttribute("data-" + name);
  if (element instanceof HTMLScriptElement) element.type = element.getAttribute("data-type") || "";
}

/** The gate looks at what comes into the page; and a frame that leaves it stops at once. @param {Element} element */
function reinsert(element) {
  if (element.isConnected) element.parentNode?.insertBefore(element, element.nextSibling);
}

/** A player goes on with what it has until it is told. @param {Element} element */
function reload(element) {
  /** @type {HTMLMediaElement | null} */ (element.closest("video,audio"))?.load();
}

/** Nor does it look again at a source that the gate has opened. @param {Element} element */
function noticeSource(element) {
  if (element instanceof HTMLSourceElement && tagged.has(element)) reload(element);
}

/**
 * The gate starts a script in place of the one that the page made: what listens to that one hears of this one. The value
 * stays as it was, since Trusted Types may allow that alone.
 *
 * @param {Loading} element
 * @param {string} value
 */
function inheritance(element, value) {
  // The gate's has the tag of the one that it stands for, and was not given it here.
  if (tagged.has(element) || !element.hasAttribute("data-consent")) return value;
  const place = heldScripts.findIndex(([, first]) => String(first) === String(value));
  if (place < 0) return value;
  const [[original, first]] = heldScripts.splice(place, 1);
  for (const type of ["load", "error"]) element.addEventListener(type, () => original.dispatchEvent(new Event(type)));
  return first;
}

/** Why a request must fail; empty where it need not. @param {string | URL} address */
function refusal(address) {
  const target = neededFor(address);
  return target && `consentry: held back until ${target} is allowed: ${address}`;
}

function guardRequests() {
  const { fetch } = window;
  window.fetch = function (input, init) {
    const reason = refusal(input instanceof Request ? input.url : input);
    return reason ? Promise.reject(new TypeError(reason)) : fetch.call(window, input, init);
  };
  const open = /** @type {(...given: any[]) => void} */ (XMLHttpRequest.prototype.open);
  /** @param {string} method @param {string | URL} address @param {any[]} rest */
  XMLHttpRequest.prototype.open = function (method, address, ...rest) {
    // The reason begins with a scheme that no browser knows: so the request fails by itself, and the console says why.
    open.call(this, method, refusal(address) || address, ...rest);
  };
  const { sendBeacon } = navigator;
  if (!sendBeacon) return;
  Navigator.prototype.sendBeacon = function (address, data) {
    return !neededFor(address) && sendBeacon.call(this, address, data);
  };
}
