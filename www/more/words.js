/**
 * What a gate is called before a visitor, and what would open it.
 *
 * Deliberately absent: whether it is open, which the loader knows (`meets`).
 */

/** The centre document that was fetched last, and its path. @type {{ path: string, comes: Promise<CentreDocument> } | null} */
let fetchedCentre = null;

/** The centre document in the language in hand. Needs no WebAssembly. @returns {Promise<CentreDocument>} */
function bringCentreDocument() {
  const [path, integrity] = page.boot().widget.centre;
  if (!fetchedCentre || fetchedCentre.path !== path) {
    const comes = fetch(page.address(path), { integrity }).then((response) => response.json());
    fetchedCentre = { path, comes };
    comes.catch(() => (fetchedCentre = null));
  }
  return fetchedCentre.comes;
}

/** Our name for what a page may call by another system's. @param {string} term */
function ownName(term) {
  const name = term.trim();
  const { names = {} } = page.boot();
  return names[name] || name;
}

/**
 * The targets of an expression's first alternative that granting would open: of several the first, since the page's author
 * put it first, and asking for more than is needed is not ours to do. Null where no grant opens it.
 *
 * @param {string} expression
 */
function targetsOf(expression) {
  for (const alternative of expression.split("|")) {
    const terms = alternative.split("&").map(ownName);
    if (terms.every(page.isKnown)) return terms;
  }
  return null;
}

/** @param {string} target */
function isOff(target) {
  return !page.meets(target);
}

/** The title of a purpose, a processor's name, or, without a centre document, the target itself. @param {string[]} targets */
async function titleOf(targets) {
  const off = targets.filter(isOff);
  const centre = await bringCentreDocument().catch(() => null);
  return (off.length ? off : targets).map((target) => (centre && titleIn(centre, target)) || target).join(", ");
}

/** @param {CentreDocument} centre @param {string} target */
function titleIn({ policy, texts }, target) {
  const [purpose, processor] = target.split("/");
  if (!processor) return texts[`purpose.${purpose}.title`];
  const found = policy.processors.find(({ id }) => id === processor);
  return found && found.name;
}
