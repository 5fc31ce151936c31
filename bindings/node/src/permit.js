/** The permit: that somebody asked, and was told yes, as something that a function can demand. */

import { AskError, Denied, PermitError } from "./errors.js";

/** @import { Clock, Decision, Question } from "./index.js" */

/** Who has this makes permits. It leaves this file in no way. */
const OURS = Symbol("made here");

/**
 * Somebody has asked, and it may be done: with this subject's data, for this purpose, by this processor, under these obligations, until it
 * expires. `require` alone makes one, and it can be neither copied nor kept for later: queued work asks again when it runs (R35).
 */
export class Permit {
  /** @type {Question} */ #question;
  /** @type {Decision} */ #decision;
  /** @type {Clock} */ #clock;

  /** @param {symbol} key @param {Question} question @param {Decision} decision @param {Clock} clock */
  constructor(key, question, decision, clock) {
    if (key !== OURS) throw new TypeError("only an answer makes a permit: `await consent.require(question)`");
    this.#question = question;
    this.#decision = decision;
    this.#clock = clock;
    Object.freeze(this);
  }

  /** Whose data it is about. */
  get subject() {
    return this.#question.subject;
  }

  /** What for. */
  get purpose() {
    return this.#question.purpose;
  }

  /** By whom; undefined is the site itself. */
  get processor() {
    return this.#question.processor;
  }

  /** With which data; undefined is all that the purpose uses. */
  get data() {
    return this.#question.data;
  }

  /** What was asked, with its circumstances. */
  get question() {
    return this.#question;
  }

  /** What was answered. */
  get decision() {
    return this.#decision;
  }

  /** What whoever acts on it must do. */
  get obligations() {
    return this.#decision.obligations;
  }

  /** What must go along with the request to the processor, by name. */
  get requestFlags() {
    const flags = this.obligations.flatMap((obligation) =>
      obligation.type === "request-flag" ? [/** @type {const} */ ([obligation.name, obligation.value])] : [],
    );
    return Object.freeze(Object.fromEntries(flags));
  }

  /** From when on it permits nothing more, in milliseconds since the Unix epoch, by the server's clock. */
  get expiresMs() {
    return this.#decision.valid_until_ms;
  }

  /** The permit, if it still permits. What is none throws, whatever it is called. */
  check() {
    const now = this.#clock.now();
    if (!(now < this.expiresMs)) throw new PermitError(this.expiresMs, now);
    return this;
  }
}

/**
 * Asks, and hands out a permit if the answer is yes: the only way to one.
 *
 * @param {Question} question in its one spelling, so that nobody changes it while it is asked
 * @param {Clock} clock
 * @param {(question: Question) => Promise<Decision>} decide
 */
export async function permitFor(question, clock, decide) {
  if (question.as_of_ms !== undefined || question.happened_by_ms !== undefined) {
    throw new AskError("past", "what was allowed in the past permits nothing now: leave out `as_of_ms`, or ask for a decision");
  }
  const decision = await decide(question);
  if (decision.allow !== true) throw new Denied(decision);
  if (!(clock.now() < decision.valid_until_ms)) {
    throw new AskError(
      "expired",
      "the answer had expired when it came, by this machine's clock: process nothing, and see that the clocks here and at the server are right",
    );
  }
  return new Permit(OURS, question, decision, clock);
}
