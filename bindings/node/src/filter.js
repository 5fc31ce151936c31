/**
 * Of a list of subjects, however long, those for whom it is allowed.
 *
 * The list goes in pieces, each a question of its own. So nobody is handed out before the whole of their piece has been answered, and no more
 * of the list is held than two pieces. A list in memory comes back as one; what comes bit by bit goes on bit by bit.
 */

import { AskError, unreadable } from "./errors.js";
import { areSubjects, queryOf } from "./question.js";
import { textOf } from "./retry.js";

/** @import { Query } from "./index.js" */
/** @import { Site } from "./site.js" */
/** @typedef {Iterable<string> | AsyncIterable<string>} Subjects */

/** How many subjects go into a request. */
export const FILTERED_AT_ONCE_MAX = 10_000;
/** How many pieces are under way at once, so that the server does not wait for us. */
const PIECES_MAX = 2;
/** Length of a device's UUID, in bytes. */
export const UUID_BYTES = 16;

/**
 * What filters pieces: names, or the UUIDs of devices in bytes. Each hands back those that are allowed, in their order.
 *
 * @typedef {object} Filters
 * @property {number} atOnce how many go into a piece
 * @property {(names: readonly string[]) => Promise<readonly string[]>} names
 * @property {(uuids: Uint8Array) => Promise<Uint8Array>} uuids
 */

/** @param {Filters} filters @param {Uint8Array | Subjects} subjects */
export function filtered(filters, subjects) {
  if (subjects instanceof Uint8Array) return bytes(filters, subjects);
  if (Array.isArray(subjects)) return list(filters, subjects);
  return stream(filters, subjects);
}

/** @param {Filters} filters @param {Uint8Array} uuids */
async function bytes({ atOnce, uuids: filter }, uuids) {
  if (uuids.length % UUID_BYTES !== 0) {
    throw new AskError("malformed", `the list cannot be read: expected the ${UUID_BYTES} bytes of each device's UUID, and nothing between them`);
  }
  const step = atOnce * UUID_BYTES;
  // A copy: whoever changes the list while it is asked about must not be told of others.
  const asked = uuids.slice();
  const pieces = (function* () {
    for (let at = 0; at < asked.length; at += step) yield asked.subarray(at, at + step);
  })();
  const allowed = new Uint8Array(asked.length);
  let length = 0;
  for await (const piece of pipelined(pieces, filter)) {
    allowed.set(piece, length);
    length += piece.length;
  }
  return allowed.slice(0, length);
}

/** @param {Filters} filters @param {readonly string[]} subjects */
async function list(filters, subjects) {
  const allowed = [];
  for await (const subject of stream(filters, [...subjects])) allowed.push(subject);
  return allowed;
}

/** @param {Filters} filters @param {Subjects} subjects @returns {AsyncGenerator<string, void, undefined>} */
async function* stream({ atOnce, names }, subjects) {
  for await (const allowed of pipelined(chunks(subjects, atOnce), names)) yield* allowed;
}

/** @param {Subjects} subjects @param {number} atOnce */
async function* chunks(subjects, atOnce) {
  let piece = [];
  for await (const subject of subjects) {
    piece.push(subject);
    if (piece.length >= atOnce) {
      yield piece;
      piece = [];
    }
  }
  if (piece.length > 0) yield piece;
}

/**
 * The answers in the order of the pieces.
 *
 * @template Piece, Answer
 * @param {Iterable<Piece> | AsyncIterable<Piece>} pieces
 * @param {(piece: Piece) => Promise<Answer>} ask
 */
async function* pipelined(pieces, ask) {
  /** @type {Promise<Answer>[]} */
  const underWay = [];
  for await (const piece of pieces) {
    const answer = ask(piece);
    // It is looked at in its turn, and not at all once an earlier one has failed.
    answer.catch(() => {});
    underWay.push(answer);
    const [first] = underWay;
    if (underWay.length >= PIECES_MAX && first) {
      underWay.shift();
      yield await first;
    }
  }
  for (const answer of underWay) yield await answer;
}

/** Filters by asking the server. @param {Site} site @param {Query} query @returns {Filters} */
export function atServer(site, query) {
  const target = targetOf(query);
  /** @param {string} type @param {string | Uint8Array} body */
  const ask = async (type, body) => (await site.ask(target, { method: "POST", accept: type, type, body })).body;
  return {
    atOnce: FILTERED_AT_ONCE_MAX,
    async names(names) {
      areSubjects(names);
      const said = textOf(await ask("text/plain", names.map((name) => `${name}\n`).join("")));
      // The last line ends, too, or it has broken off.
      if (said !== "" && !said.endsWith("\n")) throw unreadable("it breaks off");
      const allowed = said.split("\n").slice(0, -1);
      isPartOf(allowed.length, names.length, (n, place) => allowed[n] === names[place]);
      return allowed;
    },
    async uuids(uuids) {
      const allowed = await ask("application/octet-stream", uuids);
      if (allowed.length % UUID_BYTES !== 0) throw unreadable("it breaks off");
      const uuid = (/** @type {Uint8Array} */ of, /** @type {number} */ n) => of.subarray(n * UUID_BYTES, (n + 1) * UUID_BYTES);
      const isSame = (/** @type {number} */ n, /** @type {number} */ place) => {
        const [one, other] = [uuid(allowed, n), uuid(uuids, place)];
        return one.every((byte, at) => byte === other[at]);
      };
      isPartOf(allowed.length / UUID_BYTES, uuids.length / UUID_BYTES, isSame);
      return allowed;
    },
  };
}

/** The address of the list's question: its fields as docs/wire.md has them. @param {Query} query */
function targetOf(query) {
  const fields = JSON.parse(queryOf(query));
  for (const field of ["device", "guardian"]) {
    if (fields[field] !== undefined) {
      throw new AskError("not-of-a-list", `\`${field}\` cannot be the same for all subjects of a list: ask about each of them`);
    }
  }
  const said = Object.entries(fields).map(([name, value]) => /** @type {[string, string]} */ ([name, String(value)]));
  return `filter?${new URLSearchParams(said)}`;
}

/**
 * Whoever is in an answer must have been asked about, and in this order.
 *
 * @param {number} answered @param {number} asked @param {(n: number, place: number) => boolean} isSame
 */
function isPartOf(answered, asked, isSame) {
  let n = 0;
  for (let place = 0; n < answered && place < asked; place += 1) if (isSame(n, place)) n += 1;
  if (n < answered) throw unreadable("it names somebody who was not asked about, or in another order");
}
