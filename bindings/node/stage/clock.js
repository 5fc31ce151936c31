/** A clock in hand: it moves when a test moves it. */

/** @import { Clock } from "consentry-node" */

/** Longest wait that is a pause between tries, in milliseconds. What waits longer waits for the clock to be moved. */
const PAUSE_MS_MAX = 5_000;

/**
 * Pauses take no time here, so that no test waits for one.
 *
 * @param {{ startMs?: number }} [options]
 */
export function heldClock({ startMs = Date.now() } = {}) {
  let [now, elapsed] = [startMs, 0];
  /** @type {Set<{ until: number, end: () => void }>} */
  const waiting = new Set();
  /** @type {number[]} */
  const pauses = [];
  /** @type {Clock} */
  const clock = {
    now: () => now,
    elapsed: () => elapsed,
    wait: (ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        if (ms <= PAUSE_MS_MAX) {
          pauses.push(ms);
          return void setImmediate(resolve);
        }
        const end = () => {
          waiting.delete(one);
          signal.removeEventListener("abort", end);
          resolve();
        };
        const one = { until: elapsed + ms, end };
        waiting.add(one);
        signal.addEventListener("abort", end);
      }),
  };
  return {
    clock,
    /** @param {number} ms by how much */
    move(ms) {
      now += ms;
      elapsed += ms;
      for (const one of waiting) if (one.until <= elapsed) one.end();
    },
    /** Sets the clock of the world, as somebody might. @param {number} ms by how much */
    set(ms) {
      now += ms;
    },
    /** How long each pause was. */
    pauses,
  };
}
