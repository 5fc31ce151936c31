/**
 * Medians, and the tables of a run in Markdown: one for each condition.
 *
 * Deliberately absent: a verdict. The reader compares within a table.
 */

/** @import { Figures } from "./visits.js" */

/** @typedef {{ name: string, visits: Figures[] }} Row */

/**
 * @typedef {object} Column
 * @property {string} title
 * @property {string} figure
 * @property {(value: number) => string} write
 * @property {boolean} [beyond] what is shown is what there is beyond the page's own
 * @property {boolean} [fastest] shown beside the median: on a busy machine that says more of the work itself
 */

/** @param {number} value */
const kilobytes = (value) => (value / 1024).toFixed(1);
/** @param {number} value */
const whole = (value) => value.toFixed(0);
/** @param {number} value */
const tenths = (value) => value.toFixed(1);
/** @param {number} value */
const thousandths = (value) => value.toFixed(3);

/** @type {Column[]} */
const COLUMNS = [
  { title: "wire, KB", figure: "wire", write: kilobytes, beyond: true },
  { title: "ahead, KB", figure: "ahead", write: kilobytes },
  { title: "clickable", figure: "clickable", write: whole, fastest: true },
  { title: "script", figure: "script", write: tenths, beyond: true },
  { title: "accept → gated", figure: "gated", write: tenths },
  { title: "open", figure: "open", write: tenths, fastest: true },
  { title: "toggle", figure: "toggle", write: tenths },
  { title: "save", figure: "save", write: tenths },
  { title: "again: KB", figure: "again", write: kilobytes, beyond: true },
  { title: "again: gated", figure: "known", write: whole, fastest: true },
  { title: "shift", figure: "shift", write: thousandths },
  { title: "long tasks", figure: "tasks", write: whole },
  { title: "longest", figure: "longest", write: whole },
];

/** @param {number[]} values not empty */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** @param {Row} row @param {string} figure in each visit that has it */
const values = ({ visits }, figure) => visits.map((visit) => visit[figure]).filter((value) => value !== undefined);

/** @param {Row[]} rows the page alone first */
export function table(rows) {
  const [page] = rows;
  // The page alone is not visited a second time: it would weigh the same.
  const own = (/** @type {string} */ figure) => median(values(page, figure === "again" ? "wire" : figure));
  const cell = (/** @type {Row} */ row, /** @type {Column} */ { figure, write, beyond, fastest }) => {
    const all = values(row, figure);
    if (!all.length) return "–";
    const shown = write(beyond ? Math.max(0, median(all) - own(figure)) : median(all));
    return fastest ? `${shown} / ${write(Math.min(...all))}` : shown;
  };
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(" | ")} |`;
  const titles = COLUMNS.map(({ title, fastest }) => (fastest ? `${title}, median / fastest` : title));
  const body = rows.map((row) => line([row.name, ...COLUMNS.map((column) => cell(row, column))]));
  return [line(["who", ...titles]), `|--|${"--:|".repeat(titles.length)}`, ...body].join("\n");
}
