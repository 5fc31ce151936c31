/**
 * What this browser remembers of its visitor's choices on this site.
 *
 * One item in `localStorage`, in the form of docs/wire.md, read anew each time, because other tabs write it too. Where
 * storage is blocked or full, memory takes its place for as long as the page lives.
 *
 * Deliberately absent: cookies, and anything written before there is a choice (R7): only `choose` writes first.
 */

const storeKey = "consentry:" + boot.site;

/** @type {Stored | null} */
let memory = null;

/** What is stored, or null where there is nothing that makes sense. @returns {Stored | null} */
function readStored() {
  try {
    const stored = memory || JSON.parse(localStorage[storeKey] || null);
    if (stored.v === 1 && stored.subject && stored.choices.map && stored.allowed.map && stored.queue.map) return stored;
  } catch {
    // Blocked, garbled or empty: all are "nothing is known", and what is not known grants nothing.
  }
  return null;
}

/** @param {Stored} stored */
function writeStored(stored) {
  memory = null;
  try {
    localStorage[storeKey] = JSON.stringify(stored);
  } catch {
    memory = stored;
    try {
      // A full store still holds the choice before this one, which may grant what was just withdrawn.
      delete localStorage[storeKey];
    } catch {
      // Blocked altogether.
    }
  }
}

/** Somebody of whom nothing is known yet. @returns {Stored} */
function newSubject() {
  return { v: 1, subject: uuid(4), secret: secret(), choices: [], allowed: [], until_ms: 0, ask_ms: 0, queue: [] };
}

/** Lets the server know: `what` under `/v1/sites/{site}/{to}`. @param {Stored} stored @param {Destination} to @param {Sent} what */
function enqueue(stored, to, what) {
  if (!boot.local) stored.queue = [...stored.queue, /** @type {[Destination, Sent]} */ ([to, what])].slice(-QUEUE_MAX);
}

/** Random, or (7) beginning with the time; the variant's two free bits are zero. @param {4 | 7} version */
function uuid(version) {
  const random = Array.from(crypto.getRandomValues(new Uint8Array(30)), (byte) => (byte & 15).toString(16)).join("");
  const start = version === 7 ? Date.now().toString(16).padStart(12, "0") : random.slice(18);
  return (start + version + random.slice(0, 3) + 8 + random.slice(3, 18)).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** What lets only this browser speak for its subject: 32 random bytes, base64url. */
function secret() {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32)))).replace(
    /[+/=]/g,
    (character) => ({ "+": "-", "/": "_" })[character] || "",
  );
}
