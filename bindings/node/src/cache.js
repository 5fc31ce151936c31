/**
 * What was asked last, and answered, for a moment.
 *
 * An answer counts until the earliest of: what it says itself, by the clock of the world; and a bound of our own since it was asked for, by
 * that clock and by one that nobody can set. So neither a clock that is set back nor a machine that slept makes an answer last.
 */

/** @import { Clock, Decision } from "./index.js" */
/** @typedef {{ now: number, elapsed: number }} Began when a question was sent: its answer is no fresher than that */

export class Cache {
  /** Those that were wanted last stand last. @type {Map<string, { decision: Decision, began: Began }>} */
  #kept = new Map();
  #keptForMs;
  #keptMax;
  #clock;

  /** @param {number} keptForMs @param {number} keptMax @param {Clock} clock */
  constructor(keptForMs, keptMax, clock) {
    this.#keptForMs = keptForMs;
    this.#keptMax = keptMax;
    this.#clock = clock;
  }

  /** @returns {Began} */
  begin() {
    return { now: this.#clock.now(), elapsed: this.#clock.elapsed() };
  }

  /** @param {string} question @returns {Decision | undefined} */
  get(question) {
    const found = this.#kept.get(question);
    if (!found) return undefined;
    this.#kept.delete(question);
    if (!this.#counts(found)) return undefined;
    this.#kept.set(question, found);
    return found.decision;
  }

  /** Remembers an answer, in place of an earlier one. @param {Began} began @param {string} question @param {Decision} decision */
  put(began, question, decision) {
    const answer = { decision, began };
    const other = this.#kept.get(question);
    // Of two that were asked at once, the one that was sent first may come last.
    const isOlder = other !== undefined && began.elapsed < other.began.elapsed;
    if (this.#keptMax < 1 || isOlder || !this.#counts(answer)) return;
    this.#kept.delete(question);
    this.#kept.set(question, answer);
    if (this.#kept.size > this.#keptMax) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest);
        break;
      }
    }
  }

  /** @param {{ decision: Decision, began: Began }} answer */
  #counts({ decision, began }) {
    const { now, elapsed } = this.begin();
    return (
      now < decision.valid_until_ms &&
      began.now <= now &&
      now < began.now + this.#keptForMs &&
      elapsed - began.elapsed < this.#keptForMs
    );
  }
}
