/**
 * Follows the change feed: what was missed a page at a time, then what happens as it happens.
 *
 * Deliberately absent: answers. Whoever asks looks at how old it is first.
 */

import { within } from "./clock.js";
import { Follower, Taken } from "./core.js";
import { AskError, SetUpError, messageOf, unreadable } from "./errors.js";
import { put, read } from "./file.js";
import { problem, refused, textOf, untilAnswered } from "./retry.js";

/** @import { Site } from "./site.js" */

/** How long nothing may be heard of a stream, in milliseconds: the server says something every 15 s. */
const SILENT_MS_MAX = 40_000;
/** How long is waited before the feed is looked for again: at first, and at most, in milliseconds. */
const WAIT_MS = 20;
const WAIT_MS_MAX = 5_000;
/** Longest beginning of an entry that is kept until the rest has come, in characters. */
const ENTRY_CHARS_MAX = 1024 * 1024;
/** Longest replica, in bytes: what WebAssembly can address, but for what it needs besides. */
const REPLICA_BYTES_MAX = 3 * 1024 ** 3;
const REPLICA_MEDIA_TYPE = "application/vnd.consentry.replica";

/** The server has other policies or another ledger by now: another replica is needed. */
class Outdated extends Error {}

export class Feed {
  #site;
  #loadWithinMs;
  #file;
  /** @type {Follower | undefined} */ #follower;
  /** By the clock that nobody sets. */
  #freshMs = -Infinity;
  #end = new AbortController();
  /** Who waits for an entry. @type {Set<{ seq: number, settle: () => void }>} */
  #waiting = new Set();

  /** @param {Site} site @param {number} loadWithinMs @param {string} [file] */
  constructor(site, loadWithinMs, file) {
    this.#site = site;
    this.#loadWithinMs = loadWithinMs;
    this.#file = file;
  }

  /** What can be asked; undefined while another is fetched, and once it has ended. */
  get follower() {
    return this.#follower;
  }

  get hasEnded() {
    return this.#end.signal.aborted;
  }

  /** How long ago it had heard all that there was, in milliseconds. */
  get ageMs() {
    return Math.max(0, this.#site.clock.elapsed() - this.#freshMs);
  }

  /** Begins: settles once all is taken into account that the server has kept by now, and goes on from there until it is ended. */
  async begin() {
    try {
      this.#follower = await this.#kept();
      await this.#catchUp();
    } catch (error) {
      this.end();
      throw error;
    }
    void this.#follow();
  }

  /** Answers no more from what has broken. It is not freed: nothing that it says can be believed. */
  distrust() {
    this.#follower = undefined;
    this.#freshMs = -Infinity;
  }

  end() {
    this.#end.abort();
    this.#follower?.free();
    this.#follower = undefined;
    this.#tell();
  }

  /** Settles once that entry is taken into account. @param {number} seq @returns {Promise<void>} */
  heard(seq) {
    return new Promise((resolve, reject) => {
      const waits = {
        seq,
        settle: () => (this.hasEnded ? reject(new AskError("ended", "the replica was closed: make another")) : resolve()),
      };
      this.#waiting.add(waits);
      this.#tell();
    });
  }

  #tell() {
    for (const waits of this.#waiting) {
      if (!this.hasEnded && !(this.#follower && this.#follower.entries > waits.seq)) continue;
      this.#waiting.delete(waits);
      waits.settle();
    }
  }

  async #follow() {
    const { clock } = this.#site;
    let waitMs = WAIT_MS;
    while (!this.hasEnded) {
      const hasHeard = await this.#listen().then(
        () => true,
        () => false,
      );
      // A stream that ended after it was heard from is opened again at once.
      waitMs = hasHeard ? WAIT_MS : Math.min(waitMs * 2, WAIT_MS_MAX);
      if (!this.hasEnded) await clock.wait(waitMs * (0.5 + Math.random() / 2), this.#end.signal);
    }
  }

  /** Takes everything into account that the server has kept by now; with another replica, if this one no longer fits. */
  async #catchUp() {
    let follower = this.#follower;
    try {
      if (follower) return await this.#pages(follower);
    } catch (error) {
      if (!(error instanceof Outdated)) throw error;
    }
    // Until there is another, nobody is answered from what no longer holds.
    this.#follower?.free();
    this.#follower = undefined;
    follower = await this.#load();
    try {
      await this.#pages(follower);
    } catch (error) {
      follower.free();
      throw error instanceof Outdated ? unreadable("the replica is of other policies, or of another ledger, than the change feed") : error;
    }
    if (this.hasEnded) follower.free();
    else this.#follower = follower;
    this.#tell();
  }

  /** What the file has, unless it cannot be used: then there will be another. */
  async #kept() {
    const bytes = this.#file === undefined ? undefined : await read(this.#file);
    try {
      return bytes && new Follower(bytes);
    } catch {
      return undefined;
    }
  }

  async #load() {
    const sent = { accept: REPLICA_MEDIA_TYPE, bytesMax: REPLICA_BYTES_MAX };
    const { body } = await this.#site.ask("replica", sent, this.#loadWithinMs, this.#end.signal);
    let follower;
    try {
      follower = new Follower(body);
    } catch (error) {
      throw unreadable(messageOf(error));
    }
    if (this.#file !== undefined) {
      await put(this.#file, body).catch((error) => {
        follower.free();
        throw new SetUpError("option", `\`file\`: the replica cannot be kept there (${messageOf(error)})`);
      });
    }
    return follower;
  }

  /** @param {Follower} follower */
  async #pages(follower) {
    const { clock, transport, answerWithinMs } = this.#site;
    for (;;) {
      const began = clock.elapsed();
      const ended = this.#end.signal;
      const page = await untilAnswered(
        clock,
        answerWithinMs,
        async (signal) => {
          const reply = await transport.send(target(follower), {}, signal);
          // There is no such entry: the ledger was put back.
          if (reply.status === 409 && problem(reply.body).type === "/problems/ahead") throw new Outdated();
          return reply;
        },
        ended,
      );
      if (this.hasEnded) throw new AskError("ended", "the replica was closed: make another");
      check(follower, page.headers);
      const taken = takes(() => follower.takePage(textOf(page.body)));
      this.#tell();
      if (taken === Taken.All) {
        this.#freshMs = Math.max(this.#freshMs, began);
        return;
      }
    }
  }

  async #listen() {
    await this.#catchUp();
    const follower = this.#follower;
    if (!follower) return;
    const { clock, transport, answerWithinMs } = this.#site;
    const connection = new AbortController();
    const end = () => connection.abort();
    this.#end.signal.addEventListener("abort", end);
    try {
      const sent = { accept: "text/event-stream" };
      const late = () => new AskError("too-slow", "the change feed does not begin");
      const response = await within(clock, answerWithinMs, () => transport.open(target(follower), sent, connection.signal), late, connection.signal);
      if (response.status !== 200 || !response.body) throw refused({ status: response.status, headers: response.headers, body: new Uint8Array() });
      check(follower, response.headers);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const silent = () => new AskError("too-slow", "nothing is heard of the change feed");
        const { done, value } = await within(clock, SILENT_MS_MAX, () => reader.read(), silent, connection.signal);
        // Before it is looked at: what happens meanwhile is not in it.
        const elapsed = clock.elapsed();
        if (done || this.hasEnded || this.#follower !== follower) return;
        text = this.#take(follower, text + value);
        if (text === "") this.#freshMs = Math.max(this.#freshMs, elapsed);
        else if (text.length > ENTRY_CHARS_MAX) throw unreadable("an entry of the change feed does not end");
      }
    } catch (error) {
      // What was missed is read in pages, and what no longer fits is found there.
      if (!(error instanceof Outdated)) throw error;
    } finally {
      this.#end.signal.removeEventListener("abort", end);
      connection.abort();
    }
  }

  /**
   * Takes each server-sent event that is whole (WHATWG HTML, section 9.2), and hands back the beginning of the next.
   *
   * @param {Follower} follower @param {string} text
   */
  #take(follower, text) {
    const events = text.split("\n\n");
    const rest = events.pop() ?? "";
    for (const event of events) {
      for (const line of event.split("\n")) {
        if (line.startsWith("data: ")) takes(() => follower.take(line.slice("data: ".length)));
      }
    }
    this.#tell();
    return rest;
  }
}

/** Whether WebAssembly has ended in the middle of something. @param {unknown} error */
export const isTrap = (error) => error instanceof Error && error.name === "RuntimeError";

/** @param {Follower} follower */
const target = ({ entries }) => (entries > 0 ? `changes?after=${entries - 1}` : "changes");

/** Whether the server's policies are those of the replica. @param {Follower} follower @param {Headers} headers */
function check(follower, headers) {
  if (headers.get("consentry-policy") !== follower.policy) throw new Outdated();
}

/** @param {() => Taken} take */
function takes(take) {
  let taken;
  try {
    taken = take();
  } catch (error) {
    // It has broken, and takes nothing more.
    if (isTrap(error)) throw new Outdated();
    throw unreadable(messageOf(error));
  }
  if (taken === Taken.Missed) throw new Outdated();
  return taken;
}
