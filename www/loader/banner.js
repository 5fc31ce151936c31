/**
 * The first layer: title, one line for each purpose, and three buttons that look alike.
 *
 * A region, not a modal: it takes no focus, traps none, and lets the page work. Its host hangs under the document element,
 * before the body: there a page's own scripts leave it alone, and one Tab reaches it. It needs no WebAssembly, no network
 * and no leave from the page's CSP.
 *
 * Deliberately absent: anything that listens to Escape, scrolling, closing or waiting (silence never grants, R5), an
 * entrance animation, and putting itself back when a privacy tool has removed it.
 */

/** How long the line stays that says what became of a choice made offline. */
const NOTE_MS = 8000;

/** @type {ShadowRoot | null} */
let banner = null;

/** The live line in which the banner says what went wrong. @type {HTMLElement} */
let statusLine;

/** What had the focus before it entered the banner. @type {Element | null} */
let focusedBefore = null;

function showBanner() {
  if (banner) return;
  const host = document.createElement("consentry-banner");
  const place = document.querySelector('[data-consentry="banner"]');
  host.setAttribute("layout", place ? "inline" : boot.layout || "bar");
  banner = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("@banner.css");
  banner.adoptedStyleSheets = [sheet];
  fillBanner(banner);
  banner.addEventListener("focusin", rememberFocus);
  if (place) place.append(host);
  else document.documentElement.insertBefore(host, document.body);
  // What a page scrolls to, as the next link that Tab reaches, must not end up behind the banner.
  new ResizeObserver(() => {
    document.documentElement.style.scrollPaddingBottom = !place && host.isConnected ? host.offsetHeight + 16 + "px" : "";
  }).observe(host);
  whenIdle(fetchWidgetEarly);
}

/** @param {ShadowRoot} root */
function fillBanner(root) {
  const { texts } = boot;
  const [, , change] = standing();
  const title = change ? texts.change_title : texts.title;
  const region = add(root, "section", "banner");
  region.lang = boot.language;
  region.dir = boot.dir;
  region.role = "region";
  region.ariaLabel = title;
  add(region, "h2", "title", title);
  add(region, "p", "text", change ? texts.change_text + " " + (change.from || "") : texts.text);
  const lines = add(region, "ul", "lines");
  for (const line of change ? change.lines : texts.lines) add(lines, "li", "line", line);
  if (endedBySignal().length) add(lines, "li", "signal", texts.signal);
  statusLine = add(region, "p", "status");
  statusLine.role = "status";
  const buttons = add(region, "div", "buttons");
  add(buttons, "button", "button accept", texts.accept).onclick = () => chooseAll("granted", "banner");
  add(buttons, "button", "button refuse", texts.refuse).onclick = () => chooseAll("refused", "banner");
  add(buttons, "button", "button choose", texts.choose).onclick = () => openCentre();
}

/** `part` is what a site's own style sheet may call it. @param {Node} parent @param {string} tag @param {string} part @param {string} [text] */
function add(parent, tag, part, text) {
  const element = document.createElement(tag);
  /** @type {{ part: unknown }} */ (element).part = part;
  if (text) element.textContent = text;
  parent.appendChild(element);
  return element;
}

/** @param {string} text */
function sayInBanner(text) {
  // Removed by someone else: it comes back only because the visitor asked for something.
  if (banner && !banner.host.isConnected) banner = null;
  showBanner();
  statusLine.textContent = text;
}

/** Takes the banner away; where there is something left to say, one line stays for a moment. @param {string} [note] */
function hideBanner(note) {
  if (!banner) return;
  const { host, activeElement } = banner;
  if (note) {
    // The line itself stays where it is: a new one would not be announced.
    statusLine.textContent = note;
    for (const other of banner.querySelectorAll("h2,p:not([role]),ul,div")) other.remove();
    setTimeout(() => host.remove(), NOTE_MS);
  } else host.remove();
  banner = null;
  if (activeElement) giveFocusBack();
}

/** @param {Event} event */
function rememberFocus(event) {
  const from = /** @type {FocusEvent} */ (event).relatedTarget;
  if (banner && from instanceof Element && !banner.contains(from)) focusedBefore = from;
}

/** To where it was, or else to the page's main part: never to nowhere. @param {Element | null} [opener] */
function giveFocusBack(opener) {
  const { body } = document;
  const places = [opener, focusedBefore, document.querySelector("main,h1")];
  const back = places.find((place) => place?.isConnected && place !== body) || body;
  if (!(back instanceof HTMLElement)) return;
  back.focus({ preventScroll: true });
  if (back.matches(":focus,:focus-within")) return;
  back.tabIndex = -1;
  back.addEventListener("blur", () => back.removeAttribute("tabindex"), { once: true });
  back.focus({ preventScroll: true });
}
