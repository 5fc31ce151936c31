/** What can go wrong with asking, and what to do about it. None of it is a yes, and none of it says whom a question was about. */

/** @import { AskErrorCode, AskErrorDetails, Decision } from "./index.js" */

/** Why there is no answer. Process nothing until there is one. */
export class AskError extends Error {
  /**
   * @param {AskErrorCode} code
   * @param {string} message
   * @param {AskErrorDetails} [details]
   */
  constructor(code, message, details = {}) {
    super(message);
    this.name = "AskError";
    this.code = code;
    /** Among decisions, it is none that allows. @type {false} */
    this.allow = false;
    this.status = details.status;
    this.tries = details.tries;
    this.ageMs = details.ageMs;
  }
}

/** Asked, and told no. */
export class Denied extends Error {
  /** @param {Decision} decision */
  constructor(decision) {
    // Without the events that it rests on, which are somebody's.
    super(`denied by \`${decision.decided_by}\`: ${decision.reason} (regime ${decision.regime})`);
    this.name = "Denied";
    this.decision = decision;
    this.reason = decision.reason;
  }
}

/** A permit permits no more. */
export class PermitError extends Error {
  /** @param {number} expiredMs @param {number} nowMs */
  constructor(expiredMs, nowMs) {
    super(`the permit expired ${Math.max(0, nowMs - expiredMs)} ms ago: ask again, since what is permitted may have changed`);
    this.name = "PermitError";
    this.code = /** @type {const} */ ("expired");
    this.expiredMs = expiredMs;
    this.nowMs = nowMs;
  }
}

/** Nobody can be asked like this. */
export class SetUpError extends Error {
  /** @param {"url" | "site" | "key" | "option"} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = "SetUpError";
    this.code = code;
  }
}

/** @param {string} cause */
export const unreadable = (cause) =>
  new AskError("unreadable", `the answer cannot be read (${cause}): a later server needs a later client`);

/** @param {unknown} error what WebAssembly has thrown */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));
