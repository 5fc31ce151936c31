/**
 * AdForge's own page: the studio, the live list of what is allowed, and what the back end answered.
 *
 * It never guesses what is allowed: it shows what Consentry says, and does what the back end answers. Until the loader has
 * run, nothing is allowed.
 */

export {};

/** Names of what can be allowed, in the order of the preference centre. @type {[target: string, name: string][]} */
const TARGETS = [
  ["ai-training", "AI training"],
  ["downstream-ai", "AI processors"],
  ["downstream-ai/kie-ai", "Kie.AI"],
  ["downstream-ai/gemini", "Google Gemini"],
  ["downstream-ai/seedance", "Seedance"],
  ["downstream-ai/kling", "Kling"],
  ["marketing", "Marketing"],
  ["analytics", "Analytics cookies"],
  ["service-messages", "Service messages"],
  ["security", "Security"],
];

/** @type {Record<string, string>} */
const MODELS = { "kie-ai": "Kie.AI", gemini: "Gemini", seedance: "Seedance", kling: "Kling" };

/** @type {Record<string, string>} */
const REASONS = {
  given: "you allowed it",
  "not-given": "you have not allowed it",
  refused: "you refused it",
  withdrawn: "you withdrew it",
  expired: "your choice has expired",
  "policy-replaced": "the policy has changed since you chose",
};

/** @typedef {{ allow: boolean, reason: string, features_lost: string[], obligations: { type: string, minutes?: number }[] }} Decision */

/** @param {string} id @returns {HTMLElement} */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} tag @param {string} text @param {string} [className] */
function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

/** `cinematic-transitions` as a person reads it. @param {string} name */
const readable = (name) => name.replaceAll("-", " ");

function showAllowed() {
  const { consentry } = window;
  byId("allowed").replaceChildren(
    ...TARGETS.map(([target, name]) => {
      const [purpose, processor] = target.split("/");
      const allowed = consentry ? (processor ? consentry.can(purpose, { processor }) : consentry.can(purpose)) : false;
      const row = element("li", "", processor ? "processor" : "");
      row.append(element("span", name), element("span", allowed ? "Allowed" : "Not allowed", allowed ? "on" : "off"));
      return row;
    }),
  );
  showQuestion();
}

/** The curl for the model that is chosen, against the server that this page uses. */
function showQuestion() {
  const loader = /** @type {HTMLScriptElement | null} */ (document.querySelector('script[src$="/adforge.js"]'));
  const server = loader ? new URL(loader.src).origin : location.origin;
  const subject = window.consentry?.subject ?? "device:…";
  const question = JSON.stringify({ subject, purpose: "downstream-ai", processor: chosen("model") }, null, 1);
  byId("curl").textContent = `curl ${server}/v1/sites/adforge/decisions \\
  -H 'Authorization: Bearer <API key>' \\
  -H 'Content-Type: application/json' \\
  -d '${question.replaceAll("\n", "\n  ")}'`;
}

/** @param {string} field */
function chosen(field) {
  return String(new FormData(/** @type {HTMLFormElement} */ (byId("render"))).get(field));
}

async function render() {
  const model = chosen("model");
  const subject = window.consentry?.subject;
  if (!subject) return showDenied("Nothing was sent.", "You have not chosen yet, and silence is not a yes.");
  const response = await fetch("/api/render", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ subject, model }),
  });
  const { clip, decision } = await response.json();
  if (!decision) throw new Error(`the back end answered ${response.status} without a decision`);
  byId("decision").textContent = JSON.stringify(decision, null, 2);
  if (response.ok) showClip(model, clip, decision);
  else showRefusal(model, decision);
}

/** @param {string} model @param {string} clip @param {Decision} decision */
function showClip(model, clip, { reason, obligations }) {
  const product = chosen("product");
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${product}`);
  picture.setAttribute("viewBox", "0 0 100 140");
  picture.append(use);
  const preview = byId("preview");
  preview.className = `preview filmed ${product}`;
  preview.replaceChildren(picture, element("p", clip, "file"));
  const duties = obligations.map(({ type, minutes }) => (minutes ? `${readable(type)} ${minutes / 60} h` : readable(type)));
  byId("result").replaceChildren(
    element("p", `Your photo went to ${MODELS[model]}: ${REASONS[reason] ?? readable(reason)}.`, "on"),
    element("p", duties.length ? `${MODELS[model]} must keep to: ${duties.join(", ")}.` : ""),
  );
}

/** @param {string} model @param {Decision} decision */
function showRefusal(model, { reason, features_lost }) {
  const lost = features_lost.map(readable).join(", ");
  showDenied(
    `Your photo did not go to ${MODELS[model]}: ${REASONS[reason] ?? readable(reason)}.`,
    lost ? `Without it, this does not work: ${lost}.` : "",
  );
}

/** @param {string} what @param {string} why */
function showDenied(what, why) {
  const preview = byId("preview");
  preview.className = "preview";
  preview.replaceChildren(element("p", "No clip."));
  const change = /** @type {HTMLButtonElement} */ (element("button", "Change my choices", "link"));
  change.type = "button";
  change.dataset.consentry = "open";
  byId("result").replaceChildren(element("p", what, "off"), element("p", why), change);
}

byId("render").addEventListener("submit", (event) => {
  event.preventDefault();
  render().catch(() => showDenied("Nothing was sent.", "The back end could not be asked. Please try again."));
});
byId("render").addEventListener("change", showQuestion);
document.addEventListener("consentry:change", showAllowed);
// A first choice brings a subject even where it changes nothing that is allowed.
document.addEventListener("consentry:sync", showQuestion);
showAllowed();
