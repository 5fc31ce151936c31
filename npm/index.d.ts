/// <reference path="./types/consentry.d.ts" />
/// <reference path="./types/elements.d.ts" />

/** What the script tag says. */
export interface LoadOptions {
  /** The address of your site's script, as `https://consent.example/adforge.js`. */
  src: string;
  /** Of the page's Content-Security-Policy. The scripts that Consentry brings get it too. */
  nonce?: string;
  /** Of a pinned script, as `consentry tag` prints it. */
  integrity?: string;
}

/**
 * Adds the script tag, once however often it is called, and settles with `window.consentry` when that is there. Rejects where the
 * script cannot be loaded; the next call tries again. On a server it does nothing, and never settles.
 */
export function load(options: LoadOptions): Promise<Consentry>;

/**
 * `window.consentry`, whether or not that is there yet: until then `can` is false, `subject` is null, `policy` is empty, and what is
 * called waits.
 */
export const consentry: Consentry;
