/**
 * What is known of this browser's subject: by the server where there is one in reach, else by this browser.
 *
 * Deliberately absent: the device secret, in anything that leaves.
 */

/** @type {Promise<RecordDocument | null> | null} */
let recordComes = null;

/** The events of the server's record, once it was fetched. @type {RecordedEvent[]} */
let recordedEvents = [];

/** @returns {Promise<RecordDocument | null>} */
function bringRecord() {
  recordComes = recordComes || fetchRecord().finally(() => (recordComes = null));
  return recordComes;
}

/** Fetches the record, and hands it to the history that is shown. */
async function fetchRecord() {
  const stored = page.stored();
  if (!stored) return null;
  if (!page.boot().local) {
    try {
      /** @type {RecordDocument} */
      const record = await askServer("record");
      recordedEvents = record.events;
      page.emit("record", { record: recordedEvents });
      return record;
    } catch {
      // Away, or it has not heard of this browser yet.
    }
  }
  return recordOf(stored);
}

/** @param {Stored} stored @returns {RecordDocument} */
function recordOf({ choices, signal, demands = [] }) {
  /** @type {RecordedEvent[]} */
  const events = choices.map(({ at_ms, receipt, ...choice }) => ({
    type: "chosen",
    ...(receipt ? { seq: receipt.seq } : {}),
    at_ms,
    choice,
  }));
  if (signal) events.push({ type: "signalled", ...signal, signal: "gpc" });
  for (const demand of demands) events.push({ type: "demanded", ...demand });
  return { v: 1, events: events.sort((one, other) => one.at_ms - other.at_ms) };
}

/** The receipt of that choice, or of the latest that has one. @param {string} [id] @returns {ConsentryReceipt | null} */
function receiptOf(id) {
  const { choices = [] } = page.stored() || {};
  const found = [...choices].reverse().find((choice) => choice.receipt && (!id || choice.id === id));
  return (found && found.receipt) || null;
}

/** All of it as one object to take along: what the server keeps, cases among it, and what lies in this browser. */
async function exportAll() {
  const { site, policy, local } = page.boot();
  const stored = page.stored();
  const kept = stored && !local ? await askServer("export").catch(() => null) : null;
  const record = kept || (stored && recordOf(stored));
  const { subject, choices = [], demands = [], signal = null } = stored || {};
  return {
    v: 1,
    site,
    policy,
    subject: subject ? "device:" + subject : null,
    exported_at_ms: Date.now(),
    record,
    choices,
    demands,
    signal,
  };
}

/** The receipt with its proof, of a server in reach that has the choice. @param {string} id @returns {Promise<object | null>} */
async function provenReceipt(id) {
  return page.boot().local || !page.stored() ? null : askServer("receipts/" + id).catch(() => null);
}

/** A receipt as a file, or, without an id, everything. @param {string} [id] */
async function download(id) {
  const { site } = page.boot();
  if (!id) return saveFile(`${site}-consent.json`, await exportAll());
  // Without a proof there is what the server said when it took the choice. Of a choice that this browser has dropped, the record's
  // own entry is what there is.
  const receipt =
    (await provenReceipt(id)) ||
    receiptOf(id) ||
    recordedEvents.find(({ choice }) => choice && /** @type {Choice} */ (choice).id === id);
  if (receipt) saveFile(`${site}-receipt-${id}.json`, receipt);
  else tellPage("receipt", `the choice \`${id}\` has no receipt yet: it is not sent, or there is no server`);
}
