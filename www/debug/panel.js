/**
 * The panel: a region beside the page, in an open shadow root, that takes nothing away from the page but room.
 *
 * Deliberately absent: anything that changes a choice.
 */

/** What the panel shows, in this order. @type {[title: string, find: () => Finding[]][]} */
const SECTIONS = [
  ["State", stateFindings],
  ["Markup and policy", markupFindings],
  ["Gated", gatedFindings],
  ["Not tagged", untaggedFindings],
  ["Cookies and storage", keptFindings],
];

const MARKS = { ok: "✓", off: "–", wrong: "✗" };

/** What a mark says to those who do not see it. */
const WORDS = { ok: "fine", off: "note", wrong: "to do" };

/** @type {HTMLElement | null} */
let panel = null;

/** The list of each section, and what it shows. @type {Map<HTMLElement, { find: () => Finding[], count: HTMLElement, shown: string }>} */
const lists = new Map();

/** @param {() => void} whenClosed */
function showPanel(whenClosed) {
  const opener = document.activeElement;
  panel = document.createElement("consentry-debug");
  const root = panel.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("@debug.css");
  root.adoptedStyleSheets = [sheet];
  const region = grow(root, "section");
  region.lang = "en";
  region.dir = "ltr";
  region.setAttribute("role", "region");
  region.setAttribute("aria-label", "Consentry debug");
  const header = grow(region, "header");
  grow(header, "h2", "Consentry debug");
  const close = grow(header, "button", "Close");
  const shut = () => {
    if (!panel) return;
    panel.remove();
    panel = null;
    lists.clear();
    whenClosed();
    if (opener instanceof HTMLElement) opener.focus();
  };
  close.addEventListener("click", shut);
  region.addEventListener("keydown", (event) => {
    if (event.key === "Escape") shut();
  });
  for (const [title, find] of SECTIONS) addSection(region, title, find);
  document.documentElement.append(panel);
  close.focus();
}

/** @param {Element} region @param {string} title @param {() => Finding[]} find */
function addSection(region, title, find) {
  const details = /** @type {HTMLDetailsElement} */ (grow(region, "details"));
  details.open = true;
  const summary = grow(details, "summary");
  grow(summary, "h3", title);
  const count = grow(summary, "span");
  lists.set(grow(details, "ul"), { find, count, shown: "" });
}

/** Finds anew, and writes only what is not there already: a selection, or a place in the list, stays. */
function fillPanel() {
  lists.forEach((section, list) => {
    const findings = section.find();
    const shown = JSON.stringify(findings);
    if (shown === section.shown) return;
    section.shown = shown;
    const wrong = findings.filter(({ mark }) => mark === "wrong").length;
    section.count.textContent = wrong ? `${wrong} to do` : "";
    list.replaceChildren();
    if (!findings.length) grow(list, "li", "Nothing.");
    for (const finding of findings) addFinding(list, finding);
  });
}

/** @param {Element} list @param {Finding} finding */
function addFinding(list, { text, code, mark }) {
  const item = grow(list, "li");
  if (mark) {
    const sign = grow(item, "span", MARKS[mark]);
    sign.className = mark;
    sign.setAttribute("role", "img");
    sign.setAttribute("aria-label", WORDS[mark]);
  }
  // What stands between backticks is code.
  text.split("`").forEach((part, place) => part && grow(item, place % 2 ? "code" : "span", part));
  if (code) grow(item, "pre", code);
}

/** @param {Node} parent @param {string} tag @param {string} [text] */
function grow(parent, tag, text) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  parent.appendChild(element);
  return element;
}

/** @returns {Finding[]} */
function stateFindings() {
  const { site, policy, notice, language, languages, regime, gpc, local, allowed } = page.boot();
  const stored = page.stored();
  const { globalPrivacyControl } = /** @type {{ globalPrivacyControl?: boolean }} */ (navigator);
  const on = allowed.granted.filter((target) => page.meets(target));
  const isOn = globalPrivacyControl === true;
  return [
    { text: `Site \`${site}\`, ${local ? "without a server" : `server \`${page.address("")}\``}` },
    { text: `Policy \`${policy}\`` },
    { text: `Notice \`${notice}\`` },
    { text: `Regime \`${regime}\`` },
    { text: `Language \`${language}\` of ${languages.map((tag) => `\`${tag}\``).join(", ")}` },
    {
      text: `Global Privacy Control: ${isOn ? "on" : "off"}, ${
        gpc
          ? `honoured here; it ends ${gpc.map((target) => `\`${target}\``).join(", ") || "nothing"}`
          : "not honoured here"
      }`,
    },
    {
      text: stored
        ? `Choices stored: ${stored.choices.length}, not sent yet: ${stored.queue.length}`
        : "Nothing chosen yet",
    },
    { text: `Allowed now: ${on.map((target) => `\`${target}\``).join(", ") || "nothing"}` },
    ...(rules.known
      ? []
      : [
          /** @type {Finding} */ ({
            mark: "wrong",
            text: "The policy's rules for hosts, cookies and storage could not be read: `connect-src` must allow the address of Consentry's script.",
          }),
        ]),
  ];
}
