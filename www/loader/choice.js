/**
 * What happens when the visitor chooses, here or in the preference centre: one way for both, within the same tick.
 *
 * The lists that take effect come from the boot document or from the widget; both had them from the core. The one thing
 * done to a list here is to shorten it.
 */

/** What waits for the server; beyond that the oldest gives way, since the newest says what holds. */
const QUEUE_MAX = 32;

/** Choices kept here. Beyond that those go that later ones have overridden wholly. */
const CHOICES_MAX = 50;

/** All at once. @param {"granted" | "refused"} outcome @param {"banner" | "script"} surface */
function chooseAll(outcome, surface) {
  const { policy, notice, language } = boot;
  const stored = readStored();
  const [held, , change] = standing();
  /** @type {Choice} */
  const choice = { v: 1, id: uuid(7), policy, notice, language, surface };
  let list = boot.allowed[outcome];
  let until = Date.now() + boot.valid_ms;
  // A refusal rests as long as the law says, though a consent may hold shorter (R12).
  let ask = outcome === "refused" ? Date.now() + boot.rest_ms : until;
  if (stored && change) {
    // Only what is new was asked: what was chosen before stays.
    const stance = outcome === "granted" ? "grant" : "refuse";
    choice.stances = Object.fromEntries(change.asks.map((target) => [target, stance]));
    list = whole([...held, ...(outcome === "granted" ? change.asks : [])]);
    until = stored.until_ms;
    ask = stored.ask_ms;
  } else choice.outcome = `all-${outcome}`;
  hideBanner(navigator.onLine || boot.local ? "" : boot.texts.offline);
  choose(choice, without(list, endedBySignal()), until, ask);
}

/** The widget's. @param {WidgetChoice} detail */
function chooseInCentre({ v, choice, allowed, until_ms, ask_ms }) {
  if (choice.policy === boot.policy) choose({ ...choice, v }, allowed, until_ms, ask_ms);
}

/** @param {Choice} choice @param {string[]} list @param {number} until_ms @param {number} ask_ms */
function choose(choice, list, until_ms, ask_ms) {
  const stored = readStored() || newSubject();
  recordSignal(stored);
  const choices = [...stored.choices, { ...choice, at_ms: Date.now() }];
  enqueue(stored, "choices", choice);
  writeStored({
    ...stored,
    choices: choices.length > CHOICES_MAX ? choices.filter(stillSpeaks) : choices,
    allowed: list,
    until_ms,
    ask_ms,
  });
  // Obeyed before it is sent: being offline must not prolong processing.
  if (!standing()[1]) hideBanner();
  obey(list);
  sendQueue();
}

/** Whether something in a choice has not been said anew since. @param {KnownChoice} choice @param {number} place @param {KnownChoice[]} all */
function stillSpeaks({ stances }, place, all) {
  const later = all.slice(place + 1);
  return stances
    ? Object.keys(stances).some((target) => later.every((other) => other.stances && !(target in other.stances)))
    : later.every((other) => other.stances);
}

/** Whether the browser asks, by Global Privacy Control, for what the law of this place honours (R22). */
function hearsSignal() {
  return !!boot.gpc && /** @type {{ globalPrivacyControl?: boolean }} */ (navigator).globalPrivacyControl === true;
}

/** What the signal ends: also if it came once, and does no longer (R24). */
function endedBySignal() {
  const stored = readStored();
  return (hearsSignal() || stored?.signal) && boot.gpc ? boot.gpc : [];
}

/** Writes down that the signal came, once, and before the choice that may overrule it. @param {Stored} stored */
function recordSignal(stored) {
  if (!hearsSignal() || stored.signal) return false;
  const id = uuid(7);
  stored.signal = { id, at_ms: Date.now() };
  stored.allowed = without(stored.allowed, boot.gpc);
  enqueue(stored, "signals", { v: 1, id, signal: "gpc" });
  return true;
}

/** @param {string[]} list @param {string[]} [ended] */
function without(list, ended = []) {
  return list.filter((target) => !ended.includes(target));
}

/** Of a list what the policy has and can allow, with what cannot be refused; no processor without its purpose. @param {string[]} list */
function whole(list) {
  const { granted, refused } = boot.allowed;
  const holds = (/** @type {string} */ name) => list.includes(name) || refused.includes(name);
  return granted.filter((target) => holds(target) && holds(target.split("/")[0]));
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

/**
 * How things stand by what is stored, and by what the browser says: what may be done, whether something is to be asked, and,
 * where that is only what has changed since the last choice, the change.
 *
 * @returns {[list: string[], asks: boolean, change?: { asks: string[], lines: Iterable<string>, from?: string }]}
 */
function standing() {
  const stored = readStored();
  if (!stored) return [without(boot.allowed.nothing, endedBySignal()), true];
  const { choices, allowed, until_ms, ask_ms } = stored;
  const last = choices[choices.length - 1];
  const change = last && boot.earlier?.[last.policy];
  const now = Date.now();
  const asks = now >= ask_ms;
  // What was chosen under an earlier policy holds no longer than this one lets it.
  const answers = last?.policy === boot.policy;
  if ((change || answers) && now < Math.min(until_ms, last.at_ms + boot.valid_ms)) {
    if (!change) return [allowed, asks];
    // What is new is asked of everybody, what has grown of those who had granted it; a refusal is not asked again (R12).
    const known = [...allowed, ...change.fresh];
    const open = change.asks.filter((target) => [target, target.split("/")[0]].every((name) => known.includes(name)));
    const lines = new Set(open.map((target) => change.lines[change.asks.indexOf(target)]));
    if (!asks) return [whole(without(allowed, change.ends)), !!open.length, { asks: open, lines, from: change.from }];
  }
  return [without(withoutGrants(allowed), endedBySignal()), asks || !answers];
}

/** Brings page and banner in line with what is stored: at the start, and whenever that may have changed. */
function restore() {
  const stored = readStored();
  if (stored && recordSignal(stored)) writeStored(stored);
  const [list, asks] = standing();
  obey(list);
  if (!asks) hideBanner();
  else inPagesLanguage().then(() => setTimeout(() => standing()[1] && showBanner()));
  sendQueue();
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
    stored.until_ms = stored.ask_ms = 0;
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
