/**
 * One request over HTTP, and what comes of it. Whether it is worth another is for `retry.js`.
 *
 * No redirect is followed: the key is for the address that was given, and for no other.
 */

import { SetUpError, messageOf, unreadable } from "./errors.js";

/** @typedef {{ status: number, headers: Headers, body: Uint8Array }} Reply */
/** @typedef {{ method?: "GET" | "POST", accept?: string, type?: string, body?: string | Uint8Array, bytesMax?: number }} Sent */

/** Longest answer that is read, in bytes: a thousand decisions with everything that can be said. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** How a key looks: 32 bytes as base64url after how it begins. */
const KEY = /^ck_[A-Za-z0-9_-]{43}$/;
const SITE = /^[a-z0-9-]{1,64}$/;

/** There is no connection, or it broke off. */
export class Lost extends Error {}

export class Transport {
  /** Ends in a slash. @type {string} */ #base;
  #authorization;
  #fetch;

  /** @param {string} url @param {string} site @param {string} key @param {typeof fetch} send */
  constructor(url, site, key, send) {
    if (typeof key !== "string" || !KEY.test(key)) {
      throw new SetUpError("key", "expected an API key, which begins with `ck_`: `consentry key new` prints one");
    }
    this.#base = baseOf(url, site);
    this.#authorization = `Bearer ${key}`;
    this.#fetch = send;
  }

  /**
   * The whole of an answer.
   *
   * @param {string} name the route's, with its query
   * @param {Sent} sent
   * @param {AbortSignal} signal
   * @returns {Promise<Reply>}
   */
  async send(name, sent, signal) {
    const response = await this.open(name, sent, signal);
    const { status, headers } = response;
    return { status, headers, body: await whole(response, sent.bytesMax ?? ANSWER_BYTES_MAX) };
  }

  /** An answer whose body is still to come. @param {string} name @param {Sent} sent @param {AbortSignal} signal */
  async open(name, { method = "GET", accept = "application/json", type, body }, signal) {
    const headers = { authorization: this.#authorization, accept, ...(type ? { "content-type": type } : {}) };
    try {
      return await this.#fetch(this.#base + name, { method, headers, body, signal, redirect: "manual" });
    } catch (error) {
      throw new Lost(causes(error));
    }
  }
}

/** @param {string} url @param {string} site */
function baseOf(url, site) {
  const expected = "expected the server's address such as `https://consent.example`, without credentials, query and fragment";
  if (typeof site !== "string" || !SITE.test(site)) {
    throw new SetUpError("site", "the site: expected 1 to 64 characters of `a` to `z`, `0` to `9` and `-`");
  }
  let parsed;
  try {
    parsed = new URL(url);
  } catch {
    throw new SetUpError("url", expected);
  }
  // What `URL` reads past, or puts right.
  const isExact = /^https?:\/\/[^/?#@\s\\]+(?:\/[^?#\s\\]*)?$/i.test(url);
  if (!isExact || parsed.username || parsed.password) throw new SetUpError("url", expected);
  return `${parsed.href.replace(/\/+$/, "")}/v1/sites/${site}/`;
}

/** @param {Response} response @param {number} bytesMax */
async function whole(response, bytesMax) {
  const parts = [];
  let length = 0;
  try {
    for await (const part of /** @type {AsyncIterable<Uint8Array>} */ (/** @type {unknown} */ (response.body ?? []))) {
      length += part.length;
      // Whoever leaves the loop ends the connection.
      if (length > bytesMax) throw unreadable("it is longer than any answer can be");
      parts.push(part);
    }
  } catch (error) {
    if (length > bytesMax) throw error;
    throw new Lost(causes(error));
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return body;
}

/** An error and what it came from, in one line. @param {unknown} error */
function causes(error) {
  let text = messageOf(error);
  let cause = error instanceof Error ? error.cause : undefined;
  for (let depth = 0; cause instanceof Error && depth < 8; depth += 1) {
    const said = cause.message || String(/** @type {{ code?: unknown }} */ (cause).code ?? cause.name);
    if (!text.includes(said)) text += `: ${said}`;
    cause = cause.cause;
  }
  return text;
}
