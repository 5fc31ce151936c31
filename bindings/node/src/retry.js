/**
 * What is worth another try, and when.
 *
 * A question changes nothing, so that sending it twice is harmless. What the server has understood and refused (4xx but 429) stays refused.
 */

import { within } from "./clock.js";
import { AskError, unreadable } from "./errors.js";
import { Lost } from "./transport.js";

/** @import { Clock } from "./index.js" */
/** @import { Reply } from "./transport.js" */

/** How often a request is sent at most. */
export const TRIES_MAX = 4;
/** The first wait, in milliseconds, which each further one doubles. */
const WAIT_MS = 50;
/** By how much more than a server asks for is waited at most, in milliseconds, so that not all come back at once. */
const MORE_MS_MAX = 100;
/** Longest part of a problem's detail that is repeated, in characters. */
const DETAIL_CHARS_MAX = 300;

/**
 * Sends until there is an answer, it is of no use to try again, or the time is up.
 *
 * @param {Clock} clock
 * @param {number} withinMs
 * @param {(signal: AbortSignal) => Promise<Reply>} send
 * @param {AbortSignal} [ended]
 * @returns {Promise<Reply>} its status is 200
 */
export async function untilAnswered(clock, withinMs, send, ended) {
  const deadline = clock.elapsed() + withinMs;
  const late = () => new AskError("too-slow", `no answer came within ${withinMs} ms: look at the server's load, or allow more time`);
  for (let tries = 1; ; tries += 1) {
    const { reply, error, waitMs } = await within(clock, deadline - clock.elapsed(), (signal) => attempt(clock, tries, send, signal), late, ended);
    if (reply) return reply;
    // Whoever is told to come back later than there is time for need not wait to hear that.
    if (ended?.aborted || tries >= TRIES_MAX || !(clock.elapsed() + waitMs < deadline)) throw error;
    await clock.wait(waitMs, ended ?? new AbortController().signal);
  }
}

/**
 * @param {Clock} clock
 * @param {number} tries
 * @param {(signal: AbortSignal) => Promise<Reply>} send
 * @param {AbortSignal} signal
 * @returns {Promise<{ reply: Reply, error?: undefined, waitMs: number } | { reply?: undefined, error: AskError, waitMs: number }>}
 */
async function attempt(clock, tries, send, signal) {
  /** @type {Reply} */
  let reply;
  try {
    reply = await send(signal);
  } catch (error) {
    if (!(error instanceof Lost)) throw error;
    const message = `the server cannot be reached (${error.message}, ${tries} tries): see that it runs at the address that was given`;
    return { error: new AskError("unreachable", message, { tries }), waitMs: backOff(tries) };
  }
  const { status } = reply;
  if (status === 200) return { reply, waitMs: 0 };
  if (status === 429 || status === 502 || status === 503 || status === 504) {
    const message = `the server answered ${status} (${tries} tries): ask again later, and look at its log and its limits`;
    const askedFor = retryAfter(reply.headers, clock.now());
    const waitMs = askedFor === undefined ? backOff(tries) : askedFor + Math.random() * MORE_MS_MAX;
    return { error: new AskError("busy", message, { status, tries }), waitMs };
  }
  throw refused(reply);
}

/** Between half of the wait and all of it. @param {number} tries */
function backOff(tries) {
  return WAIT_MS * 2 ** (tries - 1) * (0.5 + Math.random() / 2);
}

/** RFC 9110 section 10.2.3: seconds, or a date. @param {Headers} headers @param {number} now @returns {number | undefined} in milliseconds */
function retryAfter(headers, now) {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const then = Date.parse(text);
  return Number.isNaN(then) ? undefined : Math.max(0, then - now);
}

/** @param {Reply} reply */
export function refused({ status, body }) {
  const { type, detail } = problem(body);
  const name = type.startsWith("/problems/") ? type.slice("/problems/".length) : "";
  // What stands in front of a server says no more than the status.
  if ((status === 401 || status === 403) && (name === "" || name === "wrong-key")) {
    const message = `the server answered ${status} to the key: make one of the scopes \`ask\` and, for a replica, \`export\` with \`consentry key new --site\``;
    return new AskError("wrong-key", message, { status });
  }
  if (status === 404 && (name === "" || name === "not-found" || name === "unknown-site")) {
    return new AskError("not-found", "the server has nothing at this address (404): correct its URL, or the site's name", { status });
  }
  const said = [...detail].slice(0, DETAIL_CHARS_MAX).join("") || "it does not say why";
  return new AskError("refused", `the server refused the request with ${status}: ${said}`, { status });
}

/** What is read of a problem (RFC 9457). @param {Uint8Array} body @returns {{ type: string, detail: string }} */
export function problem(body) {
  try {
    const { type, detail } = JSON.parse(textOf(body));
    return { type: typeof type === "string" ? type : "", detail: typeof detail === "string" ? detail : "" };
  } catch {
    return { type: "", detail: "" };
  }
}

/** @param {Uint8Array} body */
export function textOf(body) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw unreadable("it is no UTF-8");
  }
}
