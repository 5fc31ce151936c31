/** A server that says what a test lays into its mouth. */

/** @typedef {{ url: string, body: string, signal: AbortSignal | null | undefined }} Asked */

/** A key that looks like one. */
export const KEY = `ck_${"A".repeat(43)}`;
export const SUBJECT = "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f";
export const QUESTION = { subject: SUBJECT, purpose: "ai-training" };

/**
 * Answers each request in turn by the next of these, and the last one for ever.
 *
 * @param {((asked: Asked) => Response | Promise<Response>)[]} answers
 */
export function staged(...answers) {
  /** @type {Asked[]} */
  const asked = [];
  /** @type {typeof globalThis.fetch} */
  const send = async (url, init) => {
    const body = init?.body;
    const one = { url: String(url), body: typeof body === "string" ? body : "", signal: init?.signal };
    asked.push(one);
    return (answers[Math.min(asked.length, answers.length) - 1] ?? cut)(one);
  };
  return { fetch: send, asked };
}

/** @param {unknown} doc @param {number} [status] @param {Record<string, string>} [headers] */
export const answering = (doc, status = 200, headers = {}) => () =>
  new Response(typeof doc === "string" ? doc : JSON.stringify(doc), { status, headers });

/** The connection breaks off. @returns {Response} */
export const cut = () => {
  throw new TypeError("fetch failed", { cause: new Error("cut") });
};

/** A decision that allows, until then. @param {number} until @param {object} [fields] */
export const allowed = (until, fields = {}) => ({
  ...{ v: 1, allow: true, reason: "given", decided_by: "ai-training", basis: "consent", regime: "opt-in", policy: "0".repeat(64) },
  ...{ events: [], obligations: [], features_lost: [], valid_until_ms: until },
  ...fields,
});
