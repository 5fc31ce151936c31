/** A site at its server: where it is, with which key it is asked, by which clock, and for how long. */

import { system } from "./clock.js";
import { SetUpError } from "./errors.js";
import { textOf, untilAnswered } from "./retry.js";
import { Transport } from "./transport.js";

/** @import { RemoteOptions } from "./index.js" */
/** @import { Sent } from "./transport.js" */

export class Site {
  /** @param {string} url @param {string} site @param {string} key @param {RemoteOptions} options */
  constructor(url, site, key, options) {
    this.clock = options.clock ?? system;
    this.answerWithinMs = bound(options, "answerWithinMs", 5_000);
    // Asked for at each request, as whoever wants to see requests may put another in its place.
    const { fetch = (/** @type {Parameters<typeof globalThis.fetch>} */ ...given) => globalThis.fetch(...given) } = options;
    this.transport = new Transport(url, site, key, fetch);
  }

  /** What is answered, tries and all, in time. @param {string} name @param {Sent} sent @param {number} [withinMs] @param {AbortSignal} [ended] */
  ask(name, sent, withinMs = this.answerWithinMs, ended) {
    return untilAnswered(this.clock, withinMs, (signal) => this.transport.send(name, sent, signal), ended);
  }

  /** What is answered to JSON. @param {string} name @param {string} body */
  async post(name, body) {
    return textOf((await this.ask(name, { method: "POST", type: "application/json", body })).body);
  }
}

/**
 * A bound that somebody has set. What is no number would bound nothing.
 *
 * @template {string} Name
 * @param {{ [name in Name]?: number }} options
 * @param {Name} name
 * @param {number} usual
 */
export function bound(options, name, usual) {
  const given = options[name] ?? usual;
  if (typeof given === "number" && given >= 0 && Number.isFinite(given)) return given;
  throw new SetUpError("option", `\`${name}\`: expected a number of 0 or more`);
}
