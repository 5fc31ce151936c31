/**
 * Puts an offer in place of each closed embed, in exactly its box, and takes it away when the embed opens.
 *
 * The embed stays where it is and is not displayed meanwhile, so that nothing of the page moves and its scripts find it. A
 * page that does without says `data-consent-placeholder="none"`; one that brings its own (klaro's `data-type="placeholder"`)
 * has that shown.
 *
 * Deliberately absent: boxes too small to be meant for eyes, such as counting frames.
 */

const EMBEDS = "iframe,video,embed,object";

/** Less than this is no picture and no film. In CSS pixels. */
const SIDE_PX_MIN = 48;

/** What decides where a box is and how much room it takes. */
const BOX = [
  ...["box-sizing", "width", "height", "margin", "padding", "border-width", "border-radius"],
  ...["position", "inset", "z-index", "float", "clear", "vertical-align"],
  ...["order", "align-self", "justify-self", "grid-area"],
];

/** Embeds that are not displayed, and what stands for each; null where the page brings that. @type {Map<HTMLElement, HTMLElement | null>} */
const placeholders = new Map();

/** Embeds fill their parents, and must do so when those change. @type {ResizeObserver} */
let parents;

/** Brings what stands for embeds in line with what is open. Safe to call at any time. */
function settlePlaceholders() {
  placeholders.forEach((host, embed) => {
    if (!embed.isConnected || isEmbedOpen(embed)) removePlaceholder(embed, host);
  });
  page.gated.forEach((element) => {
    if (!(element instanceof HTMLElement) || !element.matches(EMBEDS) || !element.isConnected) return;
    if (!placeholders.has(element) && !isEmbedOpen(element)) addPlaceholder(element);
  });
  for (const element of document.querySelectorAll('[data-type="placeholder"]')) settleTheirs(element);
}

/** @param {Element} element */
function isEmbedOpen(element) {
  const expression = page.wanted(element);
  return expression === null || page.meets(expression);
}

/** @param {HTMLElement} embed */
function addPlaceholder(embed) {
  const expression = page.wanted(embed) || "";
  const { display, width, height } = getComputedStyle(embed);
  const isMeant = display !== "none" && !(parseFloat(width) < SIDE_PX_MIN) && !(parseFloat(height) < SIDE_PX_MIN);
  if (!isMeant || embed.dataset.consentPlaceholder === "none" || !targetsOf(expression)) return;
  if (hasTheirs(embed)) placeholders.set(embed, null);
  else {
    const host = document.createElement("consentry-placeholder");
    placeholders.set(embed, host);
    showOffer(rootOf(host), expression);
    copyBox(embed, host);
    embed.before(host);
    if (embed.parentElement) parents.observe(embed.parentElement);
  }
  setDisplayed(embed, false);
}

/** @param {HTMLElement} embed @param {HTMLElement | null} host */
function removePlaceholder(embed, host) {
  placeholders.delete(embed);
  setDisplayed(embed, true);
  if (!host) return;
  const hadFocus = host.shadowRoot && host.shadowRoot.activeElement;
  host.remove();
  if (hadFocus && embed.isConnected) focusOn(embed);
}

/** What it had as inline style before, to be given back. @type {WeakMap<HTMLElement, [value: string, priority: string]>} */
const displays = new WeakMap();

/** @param {HTMLElement} embed @param {boolean} shown */
function setDisplayed(embed, shown) {
  const { style } = embed;
  if (!shown) {
    displays.set(embed, [style.getPropertyValue("display"), style.getPropertyPriority("display")]);
    style.setProperty("display", "none", "important");
    return;
  }
  const [value, priority] = displays.get(embed) || ["", ""];
  style.setProperty("display", value, priority);
  if (!embed.getAttribute("style")) embed.removeAttribute("style");
}

/** @param {HTMLElement} embed a displayed one @param {HTMLElement} host one that is not */
function copyBox(embed, host) {
  const { style } = host;
  const computed = getComputedStyle(embed);
  for (const name of BOX) style.setProperty(name, computed.getPropertyValue(name), "important");
  const { parentElement } = embed;
  if (parentElement && /grid/.test(getComputedStyle(parentElement).display)) {
    // A length would keep its column from shrinking; one that depends on the column does not.
    style.setProperty("width", `calc(${computed.width} + 0%)`, "important");
  }
  // An embed is replaced content: within a line it is a block of its own.
  style.setProperty("display", computed.display === "inline" ? "inline-block" : computed.display, "important");
}

/** @param {ResizeObserverEntry[]} changes */
function followParents(changes) {
  const changed = changes.map(({ target }) => target);
  placeholders.forEach((host, embed) => {
    if (!host || !embed.parentElement || !changed.includes(embed.parentElement)) return;
    // Measured as if it were there, and put back before anything is painted.
    host.style.setProperty("display", "none", "important");
    setDisplayed(embed, true);
    copyBox(embed, host);
    setDisplayed(embed, false);
  });
}

/** Whether the page brings what is to stand for this embed. @param {Element} embed */
function hasTheirs(embed) {
  const { children } = /** @type {Element} */ (embed.parentElement);
  return [...children].some((other) => isTheirs(other) && page.wanted(other) === page.wanted(embed));
}

/** @param {Element} element */
function isTheirs(element) {
  return element.matches('[data-type="placeholder"]') && page.wanted(element) !== null;
}

/** @param {Element} element */
function settleTheirs(element) {
  if (!(element instanceof HTMLElement) || !isTheirs(element)) return;
  const isOpen = isEmbedOpen(element);
  element.hidden = isOpen;
  if (isOpen) element.style.display = "none";
  else if (getComputedStyle(element).display === "none") {
    element.style.display = "";
    if (getComputedStyle(element).display === "none") element.style.display = "block";
  }
}
