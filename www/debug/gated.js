/** What is tagged on this page: what it needs, whether that holds, and if not, by which term. */

const TAGGED = "[data-consent],[data-category],[data-c15t-category],[data-service],[data-name]";

function taggedElements() {
  return [...document.querySelectorAll(TAGGED)].filter((element) => page.wanted(element) !== null);
}

/** @returns {Finding[]} */
function gatedFindings() {
  const gates = [...document.querySelectorAll("consentry-gate")].map((gate) => ({
    gate,
    expression: targetOfElement(gate),
  }));
  const tagged = taggedElements().map((gate) => ({ gate, expression: page.wanted(gate) || "" }));
  return [...tagged, ...gates].slice(0, FINDINGS_MAX).map(({ gate, expression }) => {
    const isOpen = page.meets(expression);
    return {
      mark: isOpen ? "ok" : unknownTerms(expression).length ? "wrong" : "off",
      text: isOpen ? `open: \`${expression}\` holds` : `closed: ${whyNot(expression)}`,
      code: describe(gate),
    };
  });
}

/** What an element of ours is for. @param {Element} element */
function targetOfElement(element) {
  const processor = element.getAttribute("processor");
  return (element.getAttribute("purpose") || "") + (processor ? "/" + processor : "");
}

/** @param {string} expression */
function termsOf(expression) {
  return expression.split(/[|&]/).map((term) => ({ name: term.replace("!", "").trim(), negated: term.includes("!") }));
}

/** @param {string} expression */
function unknownTerms(expression) {
  return termsOf(expression).filter(({ name }) => !page.isKnown(name));
}

/** Each alternative's terms that do not hold. @param {string} expression */
function whyNot(expression) {
  return expression
    .split("|")
    .map((alternative) => termsOf(alternative).map(whyTermNot).filter(Boolean).join(", "))
    .join("; or ");
}

/** @param {{ name: string, negated: boolean }} term */
function whyTermNot({ name, negated }) {
  if (!name) return "an empty name";
  if (!page.isKnown(name)) return `\`${name}\` is unknown${nearest(name)}`;
  const isOn = page.meets(ownName(name));
  if (isOn === !negated) return "";
  const aka = ownName(name) === name ? "" : ` (the policy's \`${ownName(name)}\`)`;
  return `\`${name}\`${aka} is ${isOn ? "on, and must be off" : "off"}`;
}

/** An element's opening tag, with what tells it apart. @param {Element} element */
function describe(element) {
  const names = ["id", "data-consent", "data-consent-processor", "data-category", "data-service", "data-c15t-category"];
  const all = [...names, "data-name", "purpose", "processor", "data-src", "src", "data-href", "href"];
  const attributes = all
    .filter((name) => element.hasAttribute(name))
    .map((name) => ` ${name}="${shortened(element.getAttribute(name) || "")}"`);
  return `<${element.localName}${attributes.join("")}>`;
}
