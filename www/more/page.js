/**
 * What the loader handed over, and the two ways in which this script speaks to others: to the server, and to a visitor's
 * disk.
 */

/** Set once, before anything else here runs. @type {Inside} */
let page;

/** How long the widget may take to answer; it does so within the same tick unless it refuses. */
const ANSWER_MS_MAX = 2000;

/** `setTimeout` takes no more. */
const TIMER_MS_MAX = 2147483647;

/** @param {string} what @param {unknown} error */
function tellPage(what, error) {
  page.emit("error", { what, message: String(error) });
}

/**
 * Asks the server in this browser's name, and in that of whoever is signed in. Rejects where it says no (the error has its `status`), or
 * cannot be reached.
 *
 * @param {string} path under `/v1/sites/{site}/`
 * @param {object} [body] posted if there is one
 * @returns {Promise<any>}
 */
async function askServer(path, body) {
  const stored = page.stored();
  /** @type {Record<string, string>} */
  const headers = {};
  if (stored) headers.Authorization = "Bearer " + page.token(stored);
  if (who && path !== "identity") headers["Consentry-Identity"] = who.token;
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(page.address(`/v1/sites/${page.boot().site}/${path}`), {
    method: body ? "POST" : "GET",
    credentials: "omit",
    headers,
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  const { ok, status } = response;
  if (!ok) throw Object.assign(new Error(`the server says no to \`${path}\`: ${answer.title || status}`), { status });
  return answer;
}

/** Hands out a document as a file. @param {string} name @param {object} contents */
function saveFile(name, contents) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(contents, null, 2)], { type: "application/json" }));
  followLink(url, name);
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

/** As a click on a link does, which no Content-Security-Policy forbids. @param {string} href @param {string} [download] */
function followLink(href, download) {
  const link = document.createElement("a");
  link.href = href;
  if (download) link.download = download;
  else if (/^http/.test(href)) link.target = "_blank";
  link.rel = "noopener";
  document.documentElement.append(link);
  link.click();
  link.remove();
}
