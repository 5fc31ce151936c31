/**
 * Who is signed in, by a token that the site's back end has signed; a bare account id is never believed.
 *
 * Of device and account only what both allow is obeyed, in memory: nothing that an account was granted elsewhere comes onto a shared
 * device. What is chosen here meanwhile is the account's as well: it is owed to the server until that has it, and once the account has
 * signed out, what it granted ends here, while what it refused stays (docs/decisions/0021).
 *
 * The token stays in memory. Deliberately absent: any decision; what both allow is the server's word.
 */

/** Ends what the server's answer was good for. */
let accountTimer = 0;

/** Counts who came and went: an answer about somebody who has signed out meanwhile says nothing. */
let turn = 0;

/** Whoever is signed in on this page. @type {{ token: string, account: string } | null} */
let who = null;

/** Choices that are the device's own, or owed already. @type {Set<string>} */
const settled = new Set();

/** What the device held when the account came. @type {OwnState} */
let before;

let paying = false;

/** @param {string} token @returns {Promise<void>} */
async function identify(token) {
  const mine = ++turn;
  clearTimeout(accountTimer);
  try {
    const answer = await askServer("identity", { v: 1, token });
    if (mine === turn) signIn(token, answer);
  } catch (error) {
    tellPage("identity", error);
    throw error;
  }
}

/** @param {string} token @param {{ account: string, allowed: string[], until_ms: number }} answer */
function signIn(token, { account, allowed, until_ms }) {
  const stored = page.stored();
  // Somebody else had left without signing out.
  if (stored && stored.signed && stored.signed.account !== account) page.write(withoutAccount(stored));
  if (!who || who.account !== account) {
    before = ownState(page.stored());
    settleOthers();
  }
  who = { token, account };
  obeyBoth(allowed);
  accountTimer = setTimeout(renew, Math.min(Math.max(until_ms - Date.now(), 1000), TIMER_MS_MAX), token);
  payAccount();
}

/** Asks again; an answer that is too old, and cannot be had anew, allows nothing that could be refused. @param {string} token */
function renew(token) {
  identify(token).catch(() => obeyBoth(page.boot().allowed.refused));
}

/** The gate keeps to it from here on. @param {readonly string[]} allowed */
function obeyBoth(allowed) {
  page.ends = page.boot().allowed.granted.filter((target) => !allowed.includes(target));
  page.restore();
}

function signOut() {
  turn++;
  clearTimeout(accountTimer);
  who = null;
  page.ends = [];
  const stored = page.stored();
  if (stored && stored.signed) page.write(withoutAccount(stored));
  page.restore();
}

/** @param {Stored | null} stored @returns {OwnState} */
function ownState(stored) {
  if (!stored) return { choices: [], allowed: page.boot().allowed.nothing, until_ms: 0, ask_ms: 0 };
  const { choices, allowed, until_ms, ask_ms } = stored;
  return { choices, allowed, until_ms, ask_ms };
}

/** What was chosen in another tab is that tab's to tell. */
function settleOthers() {
  const { choices = [] } = page.stored() || {};
  for (const { id } of choices) settled.add(id);
}

/** Finds what has been chosen on this page since somebody signed in. */
function followChoices() {
  const stored = page.stored();
  const made = who && stored ? stored.choices.filter(({ id }) => !settled.has(id)) : [];
  if (!made.length) return;
  settleOthers();
  // As it was posted.
  oweAccount(...made.map(({ at_ms, receipt, ...choice }) => /** @type {[Destination, Sent]} */ (["choices", choice])));
}

/** What the account is to have as well. @param {[Destination, Sent][]} what */
function oweAccount(...what) {
  const stored = page.stored();
  if (!who || !stored) return;
  const { own = before, owed = [] } = stored.signed || {};
  page.write({ ...stored, signed: { account: who.account, own, owed: [...owed, ...what] } });
  payAccount();
}

/** Brings it to the server, and asks what is allowed now. What cannot be brought is tried again when that is asked next. */
async function payAccount() {
  if (paying) return;
  paying = true;
  let paid = false;
  try {
    for (let next = firstOwed(); next; next = firstOwed()) {
      const [to, what] = next;
      await askServer(to, what).catch((error) => {
        // Away, or the token has expired: the next one will do. Whatever else it is, it will not be otherwise later.
        if (!(error.status >= 400 && error.status < 500) || error.status === 401) throw error;
        tellPage("identity", error);
      });
      strikeOut(what.id);
      paid = true;
    }
  } catch (error) {
    tellPage("network", error);
  }
  paying = false;
  if (paid && who) renew(who.token);
}

/** @returns {[Destination, Sent] | undefined} */
function firstOwed() {
  const { signed } = page.stored() || {};
  return who && signed && signed.account === who.account ? signed.owed[0] : undefined;
}

/** @param {string} id */
function strikeOut(id) {
  const stored = page.stored();
  if (!stored || !stored.signed) return;
  const owed = stored.signed.owed.filter(([, { id: other }]) => other !== id);
  page.write({ ...stored, signed: { ...stored.signed, owed } });
}

/** The device's own, as it was before somebody signed in, less what was refused since. @param {Stored} stored @returns {Stored} */
function withoutAccount({ signed, ...stored }) {
  if (!signed) return stored;
  const { own } = signed;
  const since = stored.choices.filter(({ id }) => !own.choices.some((choice) => choice.id === id));
  const refused = since.flatMap(refusalsOf);
  // A refusal stays whole, and is not asked again (R12).
  if (refused.length === since.length && refused.every((choice, place) => choice === since[place])) return stored;
  const queue = stored.queue.flatMap(([to, what]) =>
    since.some(({ id }) => id === what.id) ? refusalsOf(/** @type {Choice} */ (what)).map((choice) => [to, choice]) : [[to, what]],
  );
  return {
    ...stored,
    ...own,
    choices: [...own.choices, ...refused],
    allowed: own.allowed.filter((target) => stored.allowed.includes(target)),
    queue: /** @type {[Destination, Sent][]} */ (queue),
  };
}

/** What a choice refuses, as a choice: itself, if it is nothing else. @template {Choice} T @param {T} choice @returns {T[]} */
function refusalsOf(choice) {
  const { outcome, stances } = choice;
  if (!stances) return outcome === "all-refused" ? [choice] : [];
  const refused = Object.entries(stances).filter(([, stance]) => stance === "refuse");
  if (refused.length === Object.keys(stances).length) return [choice];
  return refused.length ? [{ ...choice, stances: Object.fromEntries(refused) }] : [];
}
