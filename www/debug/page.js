/**
 * What the loader handed over, and how a finding is written down.
 *
 * Deliberately absent: languages. What stands here is read by those who build the page.
 */

/** Set once, before anything else here runs. @type {Inside} */
let page;

/**
 * One line of the panel.
 *
 * @typedef {object} Finding
 * @property {string} text
 * @property {string} [code] what to write, or what it is about
 * @property {"ok" | "off" | "wrong"} [mark]
 */

/** More of one kind than this is not read by anybody. */
const FINDINGS_MAX = 50;

/** Longest address shown, in characters. */
const ADDRESS_CHARS_MAX = 120;

/** @param {string} address */
function shortened(address) {
  return address.length > ADDRESS_CHARS_MAX ? address.slice(0, ADDRESS_CHARS_MAX) + "…" : address;
}

/** Our name for what a page may call by another system's. @param {string} name */
function ownName(name) {
  const { names = {} } = page.boot();
  return names[name] || name;
}

/** Everything that the policy has a name for. */
function knownNames() {
  const { allowed, names = {} } = page.boot();
  return [...allowed.granted, ...Object.keys(names)];
}

/** What was meant, where one or two letters are wrong; empty where nothing is near. @param {string} name */
function nearest(name) {
  const [best] = knownNames()
    .map((known) => ({ known, far: distance(name, known) }))
    .sort((one, other) => one.far - other.far);
  return best && best.far <= 2 ? `: did you mean \`${best.known}\`?` : "";
}

/** Letters to change, add or leave out (Levenshtein). @param {string} one @param {string} other */
function distance(one, other) {
  let row = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let line = 1; line <= one.length; line++) {
    const next = [line];
    for (let column = 1; column <= other.length; column++) {
      const same = one[line - 1] === other[column - 1] ? 0 : 1;
      next.push(Math.min(row[column] + 1, next[column - 1] + 1, row[column - 1] + same));
    }
    row = next;
  }
  return row[other.length];
}
