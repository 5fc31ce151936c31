/** What the staged pages keep on `window` for the tests to read. */

declare const consentry: Consentry;

interface Window {
  /** Names of the scripts that ran, in order. */
  ran: string[];
  /** Events heard on `document`, in order: name and detail. */
  heard: [name: string, detail: any][];
  /** What the staged widget was opened with. */
  opened: any[];
  axe: typeof import("axe-core");
}
