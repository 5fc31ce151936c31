/**
 * What the policy's `[page]` table says of hosts, cookies and storage, as the served script has it: each part of that script
 * is called with its own document, and these are read here.
 *
 * Deliberately absent: asking the parts. They are strangers to the loader, and a page without them has no rules.
 */

/**
 * @typedef {object} Rules
 * @property {Record<string, string>} hosts and the target that each needs
 * @property {[target: string, cookies: string[], keys: string[]][]} clean
 * @property {boolean} known whether the script could be read
 */

/** @type {Rules} */
let rules = { hosts: {}, clean: [], known: false };

async function readRules() {
  try {
    const response = await fetch(page.address(`/${page.boot().site}.js`));
    rules = { hosts: {}, clean: [], known: true };
    for (const given of callsIn(await response.text())) {
      if (given.hosts) rules.hosts = given.hosts;
      if (given.clean) rules.clean = given.clean;
    }
  } catch {
    rules = { hosts: {}, clean: [], known: false };
  }
}

/** The documents that functions are called with in a script: `…)({…JSON…})`. @param {string} script */
function callsIn(script) {
  /** @type {any[]} */
  const found = [];
  for (let at = script.indexOf(")({"); at >= 0; at = script.indexOf(")({", at + 1)) {
    try {
      found.push(JSON.parse(objectAt(script, at + 2)));
    } catch {
      // A call in the code itself.
    }
  }
  return found;
}

/** From a brace to the one that closes it. @param {string} script @param {number} start */
function objectAt(script, start) {
  let depth = 0;
  let quoted = false;
  for (let at = start; at < script.length; at++) {
    const character = script[at];
    if (quoted && character === "\\") at++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === "{") depth++;
    else if (!quoted && character === "}" && --depth === 0) return script.slice(start, at + 1);
  }
  return "";
}

/** The target that a host needs by the policy. @param {string} host */
function targetOfHost(host) {
  for (let rest = host; rest; rest = rest.replace(/^[^.]*\.?/, "")) {
    if (rules.hosts[rest]) return rules.hosts[rest];
  }
  return null;
}

/** Whether a cookie's or a key's name is declared for any target. @param {string} name @param {1 | 2} column of cookies, or of keys */
function isDeclared(name, column) {
  return rules.clean.some((entry) => entry[column].some((pattern) => patternOf(pattern).test(name)));
}

/** @param {string} pattern in which `*` stands for anything */
function patternOf(pattern) {
  return new RegExp(`^${pattern.replace(/[^\w*]/g, "\\$&").replace(/\*/g, "[^]*")}$`);
}
