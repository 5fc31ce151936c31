/** Whether the page's markup and the policy agree: names, places, and the order in which things come. */

/** @returns {Finding[]} */
function markupFindings() {
  const found = [...namesFindings(), ...tagFindings(), ...orderFindings(), ...unusedFindings()].slice(0, FINDINGS_MAX);
  return found.length ? found : [{ mark: "ok", text: "Markup and policy agree." }];
}

/** Names in the markup that the policy does not have. @returns {Finding[]} */
function namesFindings() {
  /** @type {Finding[]} */
  const found = [];
  for (const element of document.querySelectorAll("[data-consent]")) {
    for (const { name } of unknownTerms(page.wanted(element) || "")) found.push(unknownName(element, name));
  }
  for (const element of document.querySelectorAll("consentry-gate,consentry-toggle")) {
    const name = targetOfElement(element);
    if (!page.isKnown(name)) found.push(unknownName(element, name));
  }
  for (const attribute of ["data-category", "data-service", "data-c15t-category"]) {
    for (const element of document.querySelectorAll(`[${attribute}]:is([type="text/plain"],[data-src])`)) {
      if (page.wanted(element) !== null) continue;
      const name = element.getAttribute(attribute) || "";
      found.push({
        mark: "wrong",
        text: `\`${name}\` is another system's name that the policy does not have, so this stays closed. ${describe(element)} Write in the policy:`,
        code: `[page.names]\n${JSON.stringify(name)} = "<purpose>"`,
      });
    }
  }
  return found;
}

/** @param {Element} element @param {string} name @returns {Finding} */
function unknownName(element, name) {
  return {
    mark: "wrong",
    text: `\`${name}\` is not in the policy, so this never opens${nearest(name)}`,
    code: describe(element),
  };
}

/** Tags that hold nothing back. @returns {Finding[]} */
function tagFindings() {
  /** @type {Finding[]} */
  const found = [];
  for (const element of document.querySelectorAll("[data-consent][src],[data-consent][href]")) {
    const name = element.hasAttribute("src") ? "src" : "href";
    const isHeld = element.hasAttribute("data-" + name) || element.localName === "script" || element.localName === "a";
    if (!isHeld)
      found.push({
        mark: "wrong",
        text: `This has loaded before it could be held back: write \`data-${name}\` for \`${name}\`.`,
        code: describe(element),
      });
  }
  for (const script of document.querySelectorAll("script[data-consent]")) {
    if (script.getAttribute("type") === "text/plain" || page.meets(page.wanted(script) || "")) continue;
    found.push({
      mark: "wrong",
      text: 'This script has run although its purpose is off: it was tagged without `type="text/plain"`, or ran before a withdrawal.',
      code: describe(script),
    });
  }
  return found;
}

/** What stands before our tag may run before anything is held back. @returns {Finding[]} */
function orderFindings() {
  const scripts = /** @type {HTMLScriptElement[]} */ ([...document.querySelectorAll("script[src]")]);
  const own = scripts.findIndex(({ src }) => src.startsWith(page.address("/")));
  const before = scripts.slice(0, Math.max(own, 0)).filter((script) => {
    const address = addressOf(script);
    return (
      page.wanted(script) === null && address && /^http/.test(address.protocol) && address.origin !== location.origin
    );
  });
  return before.map((script) => ({
    mark: "wrong",
    text: "This script of another origin stands before Consentry's, which must come first.",
    code: describe(script),
  }));
}

/** What can be chosen, and nothing on this page depends on. @returns {Finding[]} */
function unusedFindings() {
  const { granted, refused } = page.boot().allowed;
  const used = new Set([
    ...taggedElements().flatMap((element) => termsOf(page.wanted(element) || "").map(({ name }) => ownName(name))),
    ...[...document.querySelectorAll("consentry-gate")].map((gate) => ownName(targetOfElement(gate))),
    ...Object.values(rules.hosts),
    ...rules.clean.map(([target]) => target),
  ]);
  const unused = granted.filter(
    (target) =>
      !refused.includes(target) && ![...used].some((name) => name === target || name.startsWith(target + "/")),
  );
  if (!unused.length) return [];
  return [
    {
      mark: "off",
      text: `Nothing on this page depends on ${unused.map((name) => `\`${name}\``).join(", ")}. That is well if your back end asks, or another page does.`,
    },
  ];
}
