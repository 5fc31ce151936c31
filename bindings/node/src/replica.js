/** Answers in this process, from a replica of the site that follows the server's change feed. */

import { AskError, messageOf } from "./errors.js";
import { Feed, isTrap } from "./feed.js";
import { FILTERED_AT_ONCE_MAX, UUID_BYTES, atServer, filtered } from "./filter.js";
import { permitFor } from "./permit.js";
import { areSubjects, jsonOf, malformed, queryOf, textOf } from "./question.js";
import { frozen } from "./remote.js";
import { bound } from "./site.js";

/** @import { Answer, Decision, Query, Question, ReplicaOptions } from "./index.js" */
/** @import { Follower } from "./core.js" */
/** @import { Filters, Subjects } from "./filter.js" */
/** @import { Remote } from "./remote.js" */
/** @import { Site } from "./site.js" */

/** How many of a list in memory are answered about before others have their turn, among them what follows the feed. */
const ASKED_AT_ONCE_MAX = 65_536;
/** What the core says of one of a list. */
const [YES, NOT_HELD] = [1, 2];

export class Replica {
  #site;
  #remote;
  #feed;
  #staleAfterMs;

  /** @param {Site} site @param {Remote} remote @param {ReplicaOptions} options */
  constructor(site, remote, options) {
    this.#site = site;
    this.#remote = remote;
    this.#staleAfterMs = bound(options, "staleAfterMs", 60_000);
    this.#feed = new Feed(site, bound(options, "loadWithinMs", 300_000), options.file);
  }

  /** @param {Site} site @param {Remote} remote @param {ReplicaOptions} options */
  static async open(site, remote, options) {
    const replica = new Replica(site, remote, options);
    await replica.#feed.begin();
    return replica;
  }

  get entries() {
    return this.#feed.follower?.entries ?? 0;
  }

  get ageMs() {
    return this.#feed.ageMs;
  }

  get policy() {
    return this.#feed.follower?.policy;
  }

  close() {
    this.#feed.end();
  }

  /** @param {number} seq */
  heard(seq) {
    return this.#feed.heard(seq);
  }

  /** @param {Question} question @returns {Decision} */
  decideHere(question) {
    const text = jsonOf(question);
    const said = this.#asked((follower, now) => follower.decide(text, now));
    if (said === undefined) throw notHeld();
    return frozen(JSON.parse(said));
  }

  /** @param {Question} question @returns {Promise<Decision>} */
  async decide(question) {
    try {
      return this.decideHere(question);
    } catch (error) {
      if (!isNotHeld(error)) throw error;
    }
    return this.#remote.decide(question);
  }

  /** @param {readonly Question[]} questions @returns {Promise<Answer[]>} */
  async decideAll(questions) {
    const answers = questions.map((question) => {
      try {
        return this.decideHere(question);
      } catch (error) {
        if (error instanceof AskError) return error;
        throw error;
      }
    });
    const open = questions.flatMap((question, place) => (isNotHeld(answers[place]) ? [{ question, place }] : []));
    if (open.length > 0) {
      const answered = await this.#remote.decideAll(open.map(({ question }) => question));
      open.forEach(({ place }, n) => (answers[place] = answered[n] ?? notHeld()));
    }
    return answers;
  }

  /** @param {Question} question @returns {Promise<any>} */
  async require(question) {
    return permitFor(frozen(JSON.parse(textOf(question))), this.#site.clock, (asked) => this.decide(asked));
  }

  /** @param {Uint8Array | Subjects} subjects @param {Query} query @returns {any} */
  filter(subjects, query) {
    return filtered(this.#here(query, subjects), subjects);
  }

  /** @param {Question} question @param {string} language */
  explain(question, language) {
    return this.#remote.explain(question, language);
  }

  /** @param {readonly string[]} ids */
  accounts(ids) {
    return this.#remote.accounts(ids);
  }

  /**
   * What is said here and now, and nothing by a replica that is too old.
   *
   * @template T
   * @param {(follower: Follower, now: number) => T} ask
   */
  #asked(ask) {
    if (this.#feed.hasEnded) throw new AskError("ended", "the replica was closed: make another");
    const { follower, ageMs } = this.#feed;
    if (!follower) throw notHeld();
    if (!(ageMs <= this.#staleAfterMs)) {
      const message = `nothing was heard of the change feed for ${Math.round(ageMs)} ms: see that the server can be reached`;
      throw new AskError("stale", message, { ageMs });
    }
    try {
      return ask(follower, this.#site.clock.now());
    } catch (error) {
      // The server knows as well, until there is another.
      if (isTrap(error)) {
        this.#feed.distrust();
        throw notHeld();
      }
      throw malformed(messageOf(error));
    }
  }

  /** @param {Query} query @param {Uint8Array | Subjects} subjects @returns {Filters} */
  #here(query, subjects) {
    const server = atServer(this.#site, query);
    const text = queryOf(query);
    /** @param {(follower: Follower, now: number) => Uint8Array} ask @param {number} count */
    const answers = async (ask, count) => {
      await new Promise((resolve) => setImmediate(resolve));
      /** @type {Uint8Array} */
      let said;
      try {
        said = this.#asked(ask);
      } catch (error) {
        if (!isNotHeld(error)) throw error;
        said = new Uint8Array(count).fill(NOT_HELD);
      }
      if (said.length !== count) throw malformed("something in the list is no subject such as `device:…` or `account:…`");
      return said;
    };
    return {
      // What comes bit by bit should go on before there are that many.
      atOnce: subjects instanceof Uint8Array || Array.isArray(subjects) ? ASKED_AT_ONCE_MAX : FILTERED_AT_ONCE_MAX,
      names: async (names) => {
        areSubjects(names);
        const said = await answers((follower, now) => follower.allowedSubjects(text, names.join("\n"), now), names.length);
        const open = names.filter((_, place) => said[place] === NOT_HELD);
        const allowed = open.length > 0 ? await filtered(server, open) : [];
        return merged(said, /** @type {string[]} */ (allowed), (place) => names[place] ?? "", (one, other) => one === other);
      },
      uuids: async (uuids) => {
        const at = (/** @type {number} */ place) => uuids.subarray(place * UUID_BYTES, (place + 1) * UUID_BYTES);
        const said = await answers((follower, now) => follower.allowedDevices(text, uuids, now), uuids.length / UUID_BYTES);
        const open = [];
        for (let place = 0; place < said.length; place += 1) if (said[place] === NOT_HELD) open.push(at(place));
        const list = /** @type {Uint8Array} */ (open.length > 0 ? await filtered(server, joined(open)) : new Uint8Array());
        const allowed = [];
        for (let from = 0; from < list.length; from += UUID_BYTES) allowed.push(list.subarray(from, from + UUID_BYTES));
        return joined(merged(said, allowed, at, (one, other) => one.every((byte, n) => byte === other[n])));
      },
    };
  }
}

/**
 * Those who are allowed, here or by what the server says of those who are not held here, in their order.
 *
 * @template T
 * @param {Uint8Array} said of each
 * @param {readonly T[]} byServer those of the others who are allowed, in their order
 * @param {(place: number) => T} at
 * @param {(one: T, other: T) => boolean} isSame
 */
function merged(said, byServer, at, isSame) {
  const allowed = [];
  let next = 0;
  for (let place = 0; place < said.length; place += 1) {
    if (said[place] === YES) allowed.push(at(place));
    else if (said[place] === NOT_HELD && next < byServer.length) {
      const [one, other] = [at(place), /** @type {T} */ (byServer[next])];
      if (isSame(one, other)) {
        allowed.push(one);
        next += 1;
      }
    }
  }
  return allowed;
}

/** @param {readonly Uint8Array[]} parts */
function joined(parts) {
  const whole = new Uint8Array(parts.length * UUID_BYTES);
  parts.forEach((part, place) => whole.set(part, place * UUID_BYTES));
  return whole;
}

const notHeld = () => new AskError("not-held", "the replica does not hold what it takes to answer: ask the server");

/** @param {unknown} error */
const isNotHeld = (error) => error instanceof AskError && error.code === "not-held";
