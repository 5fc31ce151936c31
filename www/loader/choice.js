/**
 * What happens when the visitor chooses, here or in the preference centre: one way for both, within the same tick.
 *
 * The lists that take effect come from the boot document or from the widget; both had them from the core. The one thing
 * done to a list here is to shorten it (`withoutGrants`).
 */

/** Choices waiting for the server; beyond that the oldest give way, since the newest say what holds. */
const QUEUE_MAX = 32;

/** A button of the banner. @param {"granted" | "refused"} outcome */
function chooseAll(outcome) {
  const { policy, notice, language } = boot;
  hideBanner(navigator.onLine ? "" : boot.texts.offline);
  choose(
    { v: 1, id: uuid(7), policy, notice, language, surface: "banner", outcome: `all-${outcome}` },
    boot.allowed[outcome],
    Date.now() + boot.valid_ms,
  );
}

/** The widget's. @param {WidgetChoice} detail */
function chooseInCentre({ v, choice, allowed, until_ms }) {
  if (v === 1 && choice.policy === boot.policy) choose({ ...choice, v }, allowed, until_ms);
}

/** @param {Choice} choice @param {string[]} list @param {number} until_ms */
function choose(choice, list, until_ms) {
  const known = readStored();
  writeStored({
    v: 1,
    subject: known ? known.subject : uuid(4),
    secret: known ? known.secret : secret(),
    choice: { ...choice, at_ms: Date.now() },
    allowed: list,
    until_ms,
    queue: [...(known ? known.queue : []), choice].slice(-QUEUE_MAX),
  });
  // Obeyed before it is sent: being offline must not prolong processing.
  hideBanner();
  obey(list);
  sendChoices();
}

/** The stored choice where it still holds under the policy in hand. */
function validChoice() {
  const stored = readStored();
  return stored && stored.choice.policy === boot.policy && Date.now() < stored.until_ms ? stored.choice : null;
}

/**
 * What is left of a list when nothing it granted counts, and all it refused does: of what holds without a choice, that
 * which it allowed or which cannot be refused.
 *
 * @param {string[]} list
 */
function withoutGrants(list) {
  const { nothing, refused } = boot.allowed;
  return nothing.filter((target) => list.includes(target) || refused.includes(target));
}

/** Brings page and banner in line with what is stored: at the start, and whenever that may have changed. */
function restore() {
  const stored = readStored();
  if (stored && validChoice()) {
    hideBanner();
    obey(stored.allowed);
  } else {
    obey(stored ? withoutGrants(stored.allowed) : boot.allowed.nothing);
    showBanner();
  }
  sendChoices();
}

/**
 * The server has refused the latest choice for good. What it refused stays so; what it granted ends, and is asked again.
 *
 * @param {Stored} stored
 * @param {boolean} superseded
 */
function withdrawGrants(stored, superseded) {
  const left = withoutGrants(stored.allowed);
  if (superseded || stored.allowed.some((target) => !left.includes(target))) {
    stored.until_ms = 0;
    stored.allowed = left;
    writeStored(stored);
    obey(left);
    if (superseded) renewBoot();
    else restore();
  }
}

/** Fetches the notice now in force, past the browser's cache; its loader hands it to this one (`_renew`). */
async function renewBoot() {
  try {
    const { src } = /** @type {HTMLScriptElement} */ (ownScript);
    await fetch(src, { cache: "reload", mode: "no-cors" });
    await loadScript(src);
  } catch {
    // Then the notice in hand is shown again.
  }
  restore();
}

/** @param {4 | 7} version */
function uuid(version) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  if (version === 7) for (let i = 6, ms = Date.now(); i--; ms /= 256) bytes[i] = ms;
  bytes[6] = (bytes[6] & 15) | (version << 4);
  bytes[8] = (bytes[8] & 63) | 128;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** What lets only this browser speak for its subject: 32 random bytes, base64url. */
function secret() {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32)))).replace(
    /[+/=]/g,
    (character) => ({ "+": "-", "/": "_" })[character] || "",
  );
}
