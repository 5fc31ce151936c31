/** Asks a server over HTTP, and remembers for a moment what it said. */

import { Cache } from "./cache.js";
import { readDecision, readDecisions } from "./core.js";
import { AskError, messageOf, unreadable } from "./errors.js";
import { atServer, filtered } from "./filter.js";
import { permitFor } from "./permit.js";
import { textOf } from "./question.js";
import { bound } from "./site.js";

/** @import { Answer, Decision, Explained, Query, Question, RemoteOptions } from "./index.js" */
/** @import { Subjects } from "./filter.js" */
/** @import { Site } from "./site.js" */

/** Most questions in one request. */
const QUESTIONS_MAX = 1_000;
/** Longest body that the server reads of a request for decisions, in bytes. */
const ASK_BYTES_MAX = 512 * 1024;
/** What stands around questions in a request, in bytes. */
const ASK_FRAME_BYTES = '{"questions":[]}'.length;

export class Remote {
  #site;
  #cache;

  /** @param {Site} site @param {RemoteOptions} options */
  constructor(site, options) {
    this.#site = site;
    const [forMs, max] = [bound(options, "rememberedForMs", 5_000), bound(options, "rememberedMax", 10_000)];
    this.#cache = new Cache(forMs, max, site.clock);
  }

  /** @param {Question} question @returns {Promise<Decision>} */
  async decide(question) {
    const text = textOf(question);
    const known = this.#cache.get(text);
    if (known) return known;
    const began = this.#cache.begin();
    const decision = read(await this.#site.post("decisions", text));
    this.#cache.put(began, text, decision);
    return decision;
  }

  /** @param {readonly Question[]} questions @returns {Promise<Answer[]>} */
  async decideAll(questions) {
    /** @type {(Answer | undefined)[]} */
    const answers = [];
    const requests = new Requests();
    questions.forEach((question, place) => {
      try {
        const text = textOf(question);
        answers[place] = this.#cache.get(text);
        if (!answers[place]) requests.put(place, text);
      } catch (error) {
        // One that cannot be read denies one subject, and not a thousand.
        answers[place] = asAskError(error);
      }
    });
    /** @type {AskError | undefined} */
    let failed;
    for (const { places, texts } of requests.all) {
      // Who could not be reached a moment ago is not waited for once more.
      const answered = failed ?? (await this.#askAll(texts).catch(asAskError));
      if (answered instanceof AskError && answered.code !== "unreadable" && answered.code !== "miscounted") failed = answered;
      places.forEach((place, n) => (answers[place] = answered instanceof AskError ? answered : answered[n]));
    }
    // Each has been answered by now; who has not is denied.
    return questions.map((_, place) => answers[place] ?? new AskError("miscounted", "a question was not answered: ask again"));
  }

  /** @param {readonly string[]} texts @returns {Promise<Answer[]>} */
  async #askAll(texts) {
    const began = this.#cache.begin();
    const answered = reads(await this.#site.post("decisions", `{"questions":[${texts.join(",")}]}`));
    if (answered.length !== texts.length) {
      const message = `${texts.length} questions were asked and ${answered.length} answered: none of the answers can be used`;
      throw new AskError("miscounted", message);
    }
    texts.forEach((text, n) => {
      const answer = answered[n];
      if (answer && "v" in answer) this.#cache.put(began, text, answer);
    });
    return answered;
  }

  /** @param {Question} question @returns {Promise<any>} */
  async require(question) {
    return permitFor(frozen(JSON.parse(textOf(question))), this.#site.clock, (asked) => this.decide(asked));
  }

  /** @param {Uint8Array | Subjects} subjects @param {Query} query @returns {any} */
  filter(subjects, query) {
    return filtered(atServer(this.#site, query), subjects);
  }

  /** @param {Question} question @param {string} language @returns {Promise<Explained>} */
  async explain(question, language) {
    const asked = { ...question, explain: language };
    const said = await this.#site.post("decisions", textOf(asked));
    return Object.freeze({ decision: read(said), explanation: explanationOf(said) });
  }

  /** @param {readonly string[]} ids @returns {Promise<string[]>} */
  async accounts(ids) {
    const names = [];
    for (let at = 0; at < ids.length; at += QUESTIONS_MAX) {
      const some = ids.slice(at, at + QUESTIONS_MAX);
      const { v, accounts } = json(await this.#site.post("accounts", JSON.stringify({ v: 1, ids: some })));
      const isList = v === 1 && Array.isArray(accounts) && accounts.every((name) => /^account:[0-9a-f]{64}$/.test(name));
      if (!isList || accounts.length !== some.length) throw unreadable("it is no list of as many accounts");
      names.push(...accounts);
    }
    return names;
  }
}

/** Questions that go together: as many as the server reads at once. */
class Requests {
  /** @type {{ places: number[], texts: string[] }[]} */
  all = [];
  #bytes = 0;

  /** @param {number} place @param {string} text */
  put(place, text) {
    const bytes = Buffer.byteLength(text) + ",".length;
    let last = this.all.at(-1);
    if (!last || last.texts.length >= QUESTIONS_MAX || ASK_FRAME_BYTES + this.#bytes + bytes > ASK_BYTES_MAX) {
      last = { places: [], texts: [] };
      this.all.push(last);
      this.#bytes = 0;
    }
    last.places.push(place);
    last.texts.push(text);
    this.#bytes += bytes;
  }
}

/** @param {string} said @returns {Decision} */
function read(said) {
  let text;
  try {
    text = readDecision(said);
  } catch (error) {
    throw unreadable(messageOf(error));
  }
  return frozen(JSON.parse(text));
}

/** Each for itself. @param {string} said @returns {Answer[]} */
function reads(said) {
  let text;
  try {
    text = readDecisions(said);
  } catch (error) {
    throw unreadable(messageOf(error));
  }
  const each = /** @type {{ decision?: Decision, cause?: string }[]} */ (JSON.parse(text));
  return each.map(({ decision, cause = "it is no decision" }) => (decision ? frozen(decision) : unreadable(cause)));
}

/** @param {string} said @returns {Explained["explanation"]} */
function explanationOf(said) {
  const { explanation } = json(said);
  if (explanation === undefined) return undefined;
  const { sentence, language, line } = /** @type {Record<string, unknown>} */ (explanation ?? {});
  if (typeof sentence === "string" && typeof language === "string" && typeof line === "string") {
    return Object.freeze({ sentence, language, line });
  }
  throw unreadable("its explanation is none");
}

/** @param {string} text @returns {Record<string, any>} */
function json(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    throw unreadable("it is no JSON, or breaks off");
  }
}

/** @param {unknown} error */
function asAskError(error) {
  if (error instanceof AskError) return error;
  throw error;
}

/**
 * All of it, so that nobody who was handed an answer changes what others are told.
 *
 * @template T
 * @param {T} value
 * @returns {T}
 */
export function frozen(value) {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}
