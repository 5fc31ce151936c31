/**
 * What this browser remembers of its visitor's choice on this site.
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
    if (stored.v === 1 && stored.subject && stored.choice && stored.allowed.map && stored.queue.map) return stored;
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
