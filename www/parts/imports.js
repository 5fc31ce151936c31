/**
 * Finds what the visitor chose when the site asked with another system, and hands it to the loader, which makes it a choice
 * of ours with the surface `import`.
 *
 * Only where we know of no choice yet. What was never answered is not taken for an answer: defaults that a system wrote by
 * itself, consent it presumed, names that the policy does not have, and whatever cannot be read.
 *
 * Deliberately absent: writing and deleting (the old system may still be there), and TCF's strings, which answer other
 * questions.
 */

/**
 * Answers by the old system's names, and when they were given: NaN or nothing where it does not say.
 *
 * @typedef {[answers: Record<string, unknown>, at_ms?: number] | false} OldChoice
 */

/**
 * What a system calls its cookie, and what to make of it: of its text, decoded, and as it lies there.
 *
 * @type {Record<ImportSource, [name: string, read: (text: string, raw: string) => OldChoice]>}
 */
const READERS = {
  cookieconsent: ["cc_cookie", readCookieConsent],
  klaro: ["klaro", (text) => [JSON.parse(text)]],
  c15t: ["c15t", readC15t],
  onetrust: ["OptanonConsent", readOneTrust],
  cookiebot: ["CookieConsent", readCookiebot],
};

/** What c15t can ask for: its cookie leaves out what was refused. */
const C15T_REFUSED = { functionality: false, measurement: false, experience: false, marketing: false };

/** Clocks differ; a choice that was made later than tomorrow was not made. */
const AHEAD_MS_MAX = 86400000;

if (!(window.consentry && "_renew" in window.consentry)) startImport();

function startImport() {
  try {
    if (localStorage.getItem("consentry:" + config.site)) return;
  } catch {
    // Nothing could be kept of what we hand over, and it would be handed over on every page.
    return;
  }
  for (const source of config.from) {
    const found = importFrom(source);
    if (!found) continue;
    const page = /** @type {{ consentry?: unknown }} */ (window);
    // An element with the id `consentry` answers to the name as well.
    const queue = Array.isArray(page.consentry) ? page.consentry : (page.consentry = []);
    /** @type {unknown[]} */ (queue).push(["_imported", found]);
    return;
  }
}

/** @param {ImportSource} source @returns {ImportedChoice | undefined} */
function importFrom(source) {
  const [usual, read] = READERS[source];
  try {
    const raw = rawItem(config.cookie[source] || usual);
    const [answers, at_ms] = (raw && read(decoded(raw), raw)) || [{}];
    const stances = stancesOf(answers);
    const age = Date.now() - (at_ms || Date.now());
    if (age < config.validity_ms && age > -AHEAD_MS_MAX && Object.keys(stances).length) {
      return { source, stances, at_ms: at_ms || null };
    }
  } catch {
    // Garbage is no choice.
  }
  return undefined;
}

/** A cookie, or else what lies under that name in the storage: some can be told to write there. @param {string} name */
function rawItem(name) {
  const cookie = document.cookie.split("; ").find((text) => text.startsWith(name + "="));
  return cookie ? cookie.slice(name.length + 1) : localStorage.getItem(name);
}

/** @param {string} raw */
function decoded(raw) {
  try {
    return decodeURIComponent(raw);
  } catch {
    // A storage's text is not encoded, and may have a `%`.
    return raw;
  }
}

/** @param {Record<string, unknown>} answers */
function stancesOf(answers) {
  /** @type {ImportedChoice["stances"]} */
  const stances = {};
  const names = new Map(Object.entries(config.names));
  for (const [name, yes] of Object.entries(answers)) {
    const target = names.get(name) || name;
    if (typeof yes !== "boolean" || !config.targets.includes(target)) continue;
    // Of two of their names for one of ours, the no counts.
    stances[target] = yes && stances[target] !== "refuse" ? "grant" : "refuse";
  }
  return stances;
}

/** The answers in a text: a pattern finds name and word. @param {string} text @param {RegExp} pattern */
function answersIn(text, pattern) {
  return Object.fromEntries(Array.from(text.matchAll(pattern), ([, name, word]) => [name, /1|true/.test(word)]));
}

/** @param {string} text @param {RegExp} pattern */
function timeIn(text, pattern) {
  return Number((pattern.exec(text) || [])[1]);
}

/** `categories` are those accepted; all there are have an entry in `services`. @param {string} text @returns {OldChoice} */
function readCookieConsent(text) {
  const { categories, services, lastConsentTimestamp, expirationTime } = JSON.parse(text);
  /** @type {Record<string, boolean>} */
  const answers = {};
  for (const category in services) {
    answers[category] = false;
    for (const service of services[category]) answers[service] = true;
  }
  for (const category of categories) answers[category] = true;
  // A cookie is gone by itself when its time has come.
  return !(expirationTime < Date.now()) && [answers, Date.parse(lastConsentTimestamp)];
}

/** `c.measurement:1,i.t:1700000000000` in the cookie, JSON in the storage. @param {string} text @returns {OldChoice} */
function readC15t(text) {
  const at_ms = timeIn(text, /(?:\bi\.t|"time"):(\d+)/);
  // What it writes before anybody has chosen does not say when.
  return at_ms > 0 && [{ ...C15T_REFUSED, ...answersIn(text, /(\w+)"?:(1|0|true|false)\b/g) }, at_ms];
}

/**
 * `groups=C0001%3A1%2CC0002%3A0&datestamp=…`, which is there before anybody has chosen.
 *
 * @param {string} _
 * @param {string} raw
 * @returns {OldChoice}
 */
function readOneTrust(_, raw) {
  const { groups = "", datestamp = "", interactionCount, AwaitingReconsent } = Object.fromEntries(new URLSearchParams(raw));
  const closed = rawItem("OptanonAlertBoxClosed");
  if (AwaitingReconsent === "true" || (interactionCount === "0" && !closed)) return false;
  // A plus that was not encoded is read as a space.
  const date = closed ? decoded(closed) : datestamp.replace("GMT ", "GMT+");
  return [answersIn(groups, /([^:,]+):([01])/g), Date.parse(date)];
}

/**
 * `{stamp:'…',necessary:true,…,method:'explicit',utc:1700000000000}`, which is not JSON.
 *
 * @param {string} text
 * @returns {OldChoice}
 */
function readCookiebot(text) {
  // Where consent was implied, or the stamp is negative, nobody was asked.
  if (!/^\{stamp:'(?!-)(?!.*'implied')/.test(text)) return false;
  return [answersIn(text, /(\w+):(true|false)/g), timeIn(text, /\butc:(\d+)/)];
}
