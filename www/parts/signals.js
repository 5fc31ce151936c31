/**
 * Tells other people's tags what is allowed, in words that they know: Google Consent Mode v2, Microsoft UET and the WP
 * Consent API. Everything is denied at once, before any tag; what is allowed follows at each `consentry:change`.
 *
 * Deliberately absent: a global `gtag`, regions (the list that is followed was made for this visitor's place), and loading
 * anybody's tag.
 */

/** Whether something is allowed now. @typedef {(target: Target) => boolean} May */

const GOOGLE_SIGNALS = [
  "ad_storage",
  "ad_user_data",
  "ad_personalization",
  "analytics_storage",
  "functionality_storage",
  "personalization_storage",
  "security_storage",
];

/** How long Google's tags may wait for an update: one for a stored choice comes in the same tick. */
const GOOGLE_WAIT_MS = 500;

/** What is allowed, as last heard. @type {readonly Target[]} */
let signalled = [];

if (!(window.consentry && "_renew" in window.consentry)) startSignals();

function startSignals() {
  const speakers = [
    ...(config.google ? [speakToGoogle(config.google)] : []),
    ...(config.microsoft ? [speakToMicrosoft(config.microsoft)] : []),
    ...(Object.keys(config.wordpress).length ? [speakToWordPress(config.wordpress)] : []),
  ];
  document.addEventListener("consentry:change", ({ detail }) => {
    signalled = detail.allowed;
    for (const speak of speakers) speak();
  });
}

/** @type {May} */
function mayNow(target) {
  return signalled.includes(target);
}

/** @param {Record<string, Target[]>} signals */
function speakToGoogle(signals) {
  const layer = (window.dataLayer = window.dataLayer || []);
  const state = () =>
    Object.fromEntries(
      Object.entries(signals).map(([signal, targets]) => [signal, targets.every(mayNow) ? "granted" : "denied"]),
    );
  const denied = Object.fromEntries(GOOGLE_SIGNALS.map((signal) => [signal, "denied"]));
  const opening = { ...denied, security_storage: "granted", ...state(), wait_for_update: GOOGLE_WAIT_MS };
  putFirst(layer, googleCommand("consent", "default", opening), googleCommand("set", "ads_data_redaction", true));
  return whenDiffers(state, (now) => layer.push(googleCommand("consent", "update", now)));
}

/** Google's tags know a command by its being an `arguments` object. @type {(...words: unknown[]) => IArguments} */
function googleCommand() {
  return arguments;
}

/** @param {Target} target */
function speakToMicrosoft(target) {
  const state = () => ({ ad_storage: mayNow(target) ? "granted" : "denied" });
  putFirst((window.uetq = window.uetq || []), "consent", "default", state());
  // Read anew: Microsoft's tag puts an object of its own in the queue's place.
  return whenDiffers(state, (now) => window.uetq?.push("consent", "update", now));
}

/**
 * Before what a page has queued for a tag that is still to come: that must read ours first. A tag that has come has put a
 * `push` of its own in place, and looks at nothing else.
 *
 * @param {unknown[]} queue
 * @param {unknown[]} commands
 */
function putFirst(queue, ...commands) {
  if (queue.push === Array.prototype.push) queue.unshift(...commands);
  else queue.push(...commands);
}

/** @param {() => object} read @param {(now: object) => void} tell */
function whenDiffers(read, tell) {
  let last = JSON.stringify(read());
  return () => {
    const now = read();
    if (JSON.stringify(now) !== last) tell(now);
    last = JSON.stringify(now);
  };
}

/** @param {Record<string, Target>} categories */
function speakToWordPress(categories) {
  /** Categories that are allowed, by what listeners were told. @type {Set<string>} */
  const told = new Set();

  // For scripts on a site without the plug-in. Where that comes later, its own function takes this one's place.
  const own = (/** @type {string} */ category) =>
    category in categories ? mayNow(categories[category]) : category === "functional";
  window.wp_has_consent = window.wp_has_consent || own;
  window.wp_consent_type = config.optin ? "optin" : "optout";

  const speak = () => {
    const { wp_has_consent, wp_set_consent } = window;
    /** @type {Record<string, "allow" | "deny">} */
    const changed = {};
    for (const [category, target] of Object.entries(categories)) {
      const may = mayNow(target);
      const word = may ? "allow" : "deny";
      if (!wp_set_consent) {
        if (told.has(category) !== may) changed[category] = word;
      } else if (!wp_has_consent || wp_has_consent === own || wp_has_consent(category) !== may) {
        // The plug-in sets a cookie at this, so it hears nothing that it knows, and tells its listeners itself.
        wp_set_consent(category, word);
      }
      told[may ? "add" : "delete"](category);
    }
    if (Object.keys(changed).length) {
      document.dispatchEvent(new CustomEvent("wp_listen_for_consent_change", { detail: changed }));
    }
  };
  const define = () => {
    speak();
    document.dispatchEvent(new CustomEvent("wp_consent_type_defined"));
  };
  // Listeners stand further down in the page, as does the plug-in.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", define);
  else queueMicrotask(define);
  return speak;
}
