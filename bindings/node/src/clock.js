/** What time it is. The only place that asks the machine, so that everything else is tested with the clock in hand. */

/** @import { Clock } from "./index.js" */

/** Longest wait that the machine's timer knows, in milliseconds: with more it ends at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The machine's clock. It has to be right to within the policy's `recheck` (NTP will do). @type {Clock} */
export const system = {
  now: () => Date.now(),
  // Never goes back when somebody sets the machine's clock.
  elapsed: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, Math.min(ms, TIMER_MS_MAX));
      signal.addEventListener("abort", end);
    }),
};

/**
 * What `act` settles with, unless that takes longer; then its signal is aborted, and `late` says what to throw.
 *
 * @template T
 * @param {Clock} clock
 * @param {number} ms
 * @param {(signal: AbortSignal) => Promise<T>} act
 * @param {() => Error} late
 * @param {AbortSignal} [ended] ends it as well
 * @returns {Promise<T>}
 */
export async function within(clock, ms, act, late, ended) {
  const done = new AbortController();
  const over = new AbortController();
  const end = () => over.abort();
  if (ended?.aborted) end();
  ended?.addEventListener("abort", end);
  // Who does not heed the signal is not waited for either.
  const timeUp = clock.wait(ms, done.signal).then(() => {
    if (done.signal.aborted) return new Promise(() => {});
    over.abort();
    throw late();
  });
  try {
    return await Promise.race([act(over.signal), /** @type {Promise<never>} */ (timeUp)]);
  } finally {
    ended?.removeEventListener("abort", end);
    done.abort();
  }
}
