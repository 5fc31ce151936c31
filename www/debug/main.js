/**
 * What developers see with `consentry.debug()`, or with `#consentry-debug` in the page's address: what is gated and why it is
 * closed, what is not, and where markup and policy disagree.
 *
 * Deliberately absent: sending any of it anywhere.
 */

/** How long the page must be quiet before it is looked at again. */
const QUIET_MS = 200;

/** @type {any} */ (window.consentry)._debug = async (/** @type {Inside} */ inside) => {
  // A second call runs this script a second time.
  if (document.querySelector("consentry-debug")) return;
  page = inside;
  let timer = 0;
  const look = () => {
    clearTimeout(timer);
    timer = setTimeout(fillPanel, QUIET_MS);
  };
  const mutations = new MutationObserver(look);
  const requests = new PerformanceObserver(look);
  const events = ["change", "sync"].map((name) => "consentry:" + name);
  showPanel(() => {
    clearTimeout(timer);
    mutations.disconnect();
    requests.disconnect();
    for (const name of events) document.removeEventListener(name, look);
  });
  for (const name of events) document.addEventListener(name, look);
  mutations.observe(document, { childList: true, subtree: true, attributes: true });
  requests.observe({ type: "resource" });
  await readRules();
  fillPanel();
};
