/**
 * Brings choices, signals and demands to the server: in order, one at a time, until each has its receipt.
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
async function sendQueue() {
  const stored = readStored();
  const next = stored && stored.queue[0];
  if (!stored || !next || sending || Date.now() < quietUntil) return;
  sending = true;
  emitSync("saving");
  const answer = await post(next, token(stored));
  sending = false;
  if (answer.status < 0) retryLater(answer.retryAfter);
  else {
    failures = 0;
    settleSent(next[1], answer);
    sendQueue();
  }
}

/** What lets this browser speak for its subject. @param {Stored} stored */
function token({ subject, secret }) {
  return subject + "." + secret;
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

/** @param {[Destination, Sent]} what @param {string} token @returns {Promise<Answer>} */
async function post([to, sent], token) {
  let retryAfter = NaN;
  try {
    const response = await fetch(address(`/v1/sites/${boot.site}/${to}`), {
      method: "POST",
      // The page may be left in the moment of choosing.
      keepalive: true,
      credentials: "omit",
      headers: { Authorization: "Bearer " + token, "Content-Type": "application/json" },
      body: JSON.stringify(sent),
    });
    const { status } = response;
    retryAfter = parseFloat(response.headers.get("Retry-After") || "");
    if (status !== 429 && status < 500) {
      const body = (await response.json().catch(() => null)) || {};
      // A hotel's sign-in page answers 200 as well; only a receipt for this very thing ends its sending.
      if (status >= 400 || body.id === sent.id) return { status, retryAfter, body };
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
  setTimeout(sendQueue, wait);
}

/** @param {Sent} sent @param {Answer} answer */
function settleSent({ id }, { status, body }) {
  // Read again: another tab, or the visitor, may have chosen anew meanwhile.
  const stored = readStored();
  if (!stored) return;
  stored.queue = stored.queue.filter(([, waiting]) => waiting.id !== id);
  const place = stored.choices.findIndex((choice) => choice.id === id);
  const choice = stored.choices[place];
  const isLatest = choice && place === stored.choices.length - 1;
  if (status < 300) {
    if (choice) choice.receipt = body;
    // A choice of everything holds as long as the server says; of a part the rest may expire sooner.
    if (isLatest && choice.outcome) stored.until_ms = body.expires_at_ms;
    writeStored(stored);
    if (!stored.queue.length) emitSync("saved");
    return;
  }
  const superseded = /policy-superseded$/.test(body.type);
  writeStored(stored);
  emitSync(superseded ? "superseded" : "failed");
  if (isLatest) withdrawGrants(stored, superseded);
}
