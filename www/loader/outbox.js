/**
 * Brings choices to the server: in order, one at a time, until each has its receipt.
 *
 * A choice holds in this browser from the moment it is made; nothing waits for what happens here. Its id makes sending it
 * twice harmless, so two tabs may do so.
 *
 * Deliberately absent: deciding again when the answer comes. An answer can end a choice's effect (`withdrawGrants`), never
 * add to it.
 */

/** Back-off after a failure: from one second, doubling, to five minutes. */
const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 300000;

let sending = false;
let failures = 0;

/** The server asked for silence until then. */
let quietUntil = 0;

/** Sends what waits. Safe to call at any time, as often as one likes. */
async function sendChoices() {
  const stored = readStored();
  const choice = stored && stored.queue[0];
  if (!stored || !choice || sending || Date.now() < quietUntil) return;
  sending = true;
  emitSync("saving");
  const answer = await post(choice, stored.subject + "." + stored.secret);
  sending = false;
  if (answer.status < 0) retryLater(answer.retryAfter);
  else {
    failures = 0;
    settleChoice(choice, answer);
    sendChoices();
  }
}

/** @param {SyncState} state */
function emitSync(state) {
  emit("sync", { state });
}

/**
 * @typedef {object} Answer
 * @property {number} status HTTP's, or -1 where the choice must be sent again
 * @property {number} retryAfter seconds, or NaN
 * @property {any} body a receipt or a problem
 */

/** @param {Choice} choice @param {string} token @returns {Promise<Answer>} */
async function post(choice, token) {
  let retryAfter = NaN;
  try {
    const response = await fetch(address(`/v1/sites/${boot.site}/choices`), {
      method: "POST",
      // The page may be left in the moment of choosing.
      keepalive: true,
      credentials: "omit",
      headers: { Authorization: "Bearer " + token, "Content-Type": "application/json" },
      body: JSON.stringify(choice),
    });
    const { status } = response;
    retryAfter = parseFloat(response.headers.get("Retry-After") || "");
    if (status !== 429 && status < 500) {
      const body = (await response.json().catch(() => null)) || {};
      // A hotel's sign-in page answers 200 as well; only a receipt for this choice ends its sending.
      if (status >= 400 || body.id === choice.id) return { status, retryAfter, body };
    }
  } catch {
    // No network, or the server is away.
  }
  return { status: -1, retryAfter, body: null };
}

/** @param {number} seconds */
function retryLater(seconds) {
  emitSync("offline");
  let wait = Math.min(RETRY_MS_MIN * 2 ** failures++, RETRY_MS_MAX) * (0.5 + Math.random() / 2);
  if (seconds > 0) {
    // An hour at most: a slip in one header must not silence a browser for good.
    wait = Math.min(seconds * 1000, 3600000);
    quietUntil = Date.now() + wait;
  }
  setTimeout(sendChoices, wait);
}

/** @param {Choice} choice @param {Answer} answer */
function settleChoice(choice, { status, body }) {
  // Read again: another tab, or the visitor, may have chosen anew meanwhile.
  const stored = readStored();
  if (!stored) return;
  stored.queue = stored.queue.filter(({ id }) => id !== choice.id);
  const isLatest = stored.choice.id === choice.id;
  if (status < 300) {
    stored.receipt = body;
    if (isLatest) stored.until_ms = body.expires_at_ms;
    writeStored(stored);
    if (!stored.queue.length) emitSync("saved");
    return;
  }
  const superseded = /policy-superseded$/.test(body.type);
  writeStored(stored);
  emitSync(superseded ? "superseded" : "failed");
  if (isLatest) withdrawGrants(stored, superseded);
}
