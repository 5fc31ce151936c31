/**
 * Removes what a target has left in this browser as long as it is not allowed, and reloads the page where the policy says
 * that only this ends what runs.
 *
 * Deliberately absent: what no page can reach (`HttpOnly` cookies, cookies of other paths and of other sites), databases
 * and caches, and any key of Consentry's own.
 */

/** How long a reload waits for the choice to be on its way. */
const RELOAD_MS_MAX = 2000;

/** How long what earlier visits have left may wait. */
const SWEEP_MS = 100;

/** What is allowed, as last heard; null until then. @type {readonly Target[] | null} */
let cleaned = null;

if (!(window.consentry && "_renew" in window.consentry)) startCleaning();

function startCleaning() {
  let reloading = false;
  document.addEventListener("consentry:change", ({ detail: { allowed } }) => {
    const ended = config.reload.some((target) => cleaned && cleaned.includes(target) && !allowed.includes(target));
    cleanAll(allowed);
    if (ended && !reloading) {
      reloading = true;
      reloadAfterSync();
    }
  });
  // Where nothing is allowed from the start, no change is told.
  queueMicrotask(() => cleaned || cleanAll([]));
}

/** @param {readonly Target[]} allowed */
function cleanAll(allowed) {
  const isStart = !cleaned;
  cleaned = allowed;
  // What ends now goes now. What earlier visits have left can wait until the banner stands: reading cookies takes long.
  if (isStart) setTimeout(sweep, SWEEP_MS);
  else sweep();
}

function sweep() {
  for (const [target, cookies, keys] of config.clean) {
    if (cleaned?.includes(target)) continue;
    try {
      if (cookies.length) removeCookies(matcher(cookies));
    } catch {
      // A page in a sandbox has none.
    }
    for (const name of keys.length ? /** @type {const} */ (["localStorage", "sessionStorage"]) : []) {
      try {
        removeKeys(window[name], matcher(keys));
      } catch {
        // Blocked, and then there is nothing in it.
      }
    }
  }
}

/** Whether a name is meant by one of these. @param {string[]} patterns */
function matcher(patterns) {
  const sources = patterns.map((pattern) => pattern.replace(/[^\w*]/g, "\\$&").replace(/\*/g, "[^]*"));
  // Not even `*` means ours: what was refused is written there.
  const all = new RegExp(`^(?!consentry:)(${sources.join("|") || "(?!)"})$`);
  return (/** @type {string} */ name) => all.test(name);
}

/** @param {Storage} storage @param {(name: string) => boolean} isMeant */
function removeKeys(storage, isMeant) {
  for (const key of Object.keys(storage)) if (isMeant(key)) storage.removeItem(key);
}

/** @param {(name: string) => boolean} isMeant */
function removeCookies(isMeant) {
  const names = document.cookie.split("; ").map((cookie) => cookie.split("=")[0]);
  const attributes = cookieAttributes();
  for (const name of new Set(names)) {
    if (!isMeant(name)) continue;
    for (const more of attributes) document.cookie = `${name}=; Max-Age=0${more}`;
  }
}

/** A cookie goes only by the domain, path and kind that it was set with, and a page cannot ask which: so, all of them. */
function cookieAttributes() {
  const labels = location.hostname.split(".");
  // A dot before a domain changes nothing (RFC 6265).
  const domains = ["", ...labels.map((_, depth) => "; Domain=" + labels.slice(depth).join("."))];
  const paths = new Set(["/"]);
  for (const { index = 0 } of (location.pathname + "/").matchAll(/\//g)) {
    paths.add(location.pathname.slice(0, index) || "/").add(location.pathname.slice(0, index + 1));
  }
  const kinds = ["", "; Secure", "; Secure; Partitioned"];
  return domains.flatMap((domain) => [...paths].flatMap((path) => kinds.map((kind) => `; Path=${path}${domain}${kind}`)));
}

/** Not before the choice has been handed on, or the visitor's refusal might be lost with the page. */
async function reloadAfterSync() {
  await new Promise((resolve) => {
    setTimeout(resolve, RELOAD_MS_MAX);
    document.addEventListener("consentry:sync", ({ detail }) => /saved|offline|failed/.test(detail.state) && resolve(0));
  });
  // Without a network the page would be replaced by the browser's own that says so.
  if (navigator.onLine) location.reload();
  else addEventListener("online", () => location.reload());
}
