/**
 * What stands in place of something that is not loaded: what is off, and two ways to have it on.
 *
 * Deliberately absent: one's own way to choose. "Allow and load" is a choice of that one target, made as any other.
 */

/** @type {CSSStyleSheet | null} */
let offerSheet = null;

/** The root of something that stands on the page for us. @param {Element} host */
function rootOf(host) {
  const root = host.attachShadow({ mode: "open" });
  if (!offerSheet) {
    offerSheet = new CSSStyleSheet();
    offerSheet.replaceSync("@more.css");
  }
  root.adoptedStyleSheets = [offerSheet];
  return root;
}

/**
 * Shows the offer for a closed gate. Where no grant would open it there is nothing to offer, and nothing is shown.
 *
 * @param {ShadowRoot} root
 * @param {string} expression
 */
function showOffer(root, expression) {
  const targets = targetsOf(expression);
  if (!targets) {
    root.replaceChildren();
    return;
  }
  const { texts, language, dir } = page.boot();
  const section = document.createElement("section");
  section.lang = language;
  section.dir = dir;
  const off = appendTo(section, "p");
  off.id = "off";
  const buttons = appendTo(section, "div");
  const status = appendTo(section, "p");
  status.setAttribute("role", "status");
  const allow = appendButton(buttons, texts.gate_allow);
  allow.onclick = async () => {
    section.setAttribute("aria-busy", "true");
    try {
      await chooseTargets(grantsFor(targets), "page");
    } catch (error) {
      status.textContent = texts.failed;
      tellPage("widget", error);
    }
    section.removeAttribute("aria-busy");
  };
  appendButton(buttons, texts.choose).onclick = () => window.consentry?.open();
  // Kept where it was, so that a new language does not take the focus away.
  const held =
    root.activeElement &&
    [...root.querySelectorAll("button")].indexOf(/** @type {HTMLButtonElement} */ (root.activeElement));
  root.replaceChildren(section);
  if (held !== null && held >= 0) section.querySelectorAll("button")[held].focus();
  titleOf(targets).then((what) => (off.textContent = texts.gate_off.replace("{what}", () => what)));
}

/** A processor is nothing without its purpose. @param {string[]} targets */
function grantsFor(targets) {
  /** @type {Record<string, Stance>} */
  const stances = {};
  for (const target of targets) {
    const [purpose] = target.split("/");
    if (isOff(purpose)) stances[purpose] = "grant";
    if (isOff(target)) stances[target] = "grant";
  }
  return stances;
}

/** @param {Element} parent @param {string} text */
function appendButton(parent, text) {
  const button = /** @type {HTMLButtonElement} */ (appendTo(parent, "button"));
  button.type = "button";
  button.textContent = text;
  // Several on a page say the same; this says what each is for.
  button.setAttribute("aria-describedby", "off");
  return button;
}

/** @param {Element | ShadowRoot} parent @param {string} tag */
function appendTo(parent, tag) {
  return parent.appendChild(document.createElement(tag));
}

/** To what has come in place of what had the focus: never to nowhere. @param {HTMLElement} element */
function focusOn(element) {
  element.focus({ preventScroll: true });
  if (element.matches(":focus,:focus-within")) return;
  element.tabIndex = -1;
  element.addEventListener("blur", () => element.removeAttribute("tabindex"), { once: true });
  element.focus({ preventScroll: true });
}
