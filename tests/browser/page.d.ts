/** What the staged pages keep on `window` for the tests to read. */

declare const consentry: Consentry;

/** Declared by `corpus.js`. */
declare const wasm_bindgen: { (source: { module_or_path: string }): Promise<void>; run_corpus(files: string, policies: string): string };

interface Window {
  /** Names of the scripts that ran, in order. */
  ran: string[];
  /** Events heard on `document`, in order: name and detail. */
  heard: [name: string, detail: any][];
  /** What the staged widget was opened with. */
  opened: any[];
  axe: typeof import("axe-core");
}
