/**
 * Brings the preference centre: script, WebAssembly and texts, all three at once, each under its integrity.
 *
 * Deliberately absent: anything of this for a visitor who neither sees the banner nor asks for the centre, and a second
 * way to choose where WebAssembly cannot run: the banner then says so, and its own two buttons work on.
 */

/** @type {Promise<unknown> | null} */
let widgetReady = null;

/** @type {Promise<void> | null} */
let opening = null;

/** The rest of `window.consentry`, which few pages ask for. @type {Promise<More> | null} */
let more = null;

/** @param {Asset} asset @param {RequestPriority} [priority] */
function fetchAsset([path, integrity], priority) {
  return fetch(address(path), { integrity, priority });
}

/** Fetches into the browser's cache what "choose" would need. */
function fetchWidgetEarly() {
  const { connection } = /** @type {{ connection?: { saveData: boolean } }} */ (navigator);
  if (!banner || connection?.saveData) return;
  const { js, wasm, centre } = boot.widget;
  for (const asset of [js, wasm, centre]) {
    fetchAsset(asset, "low").then((response) => response.blob()).catch(() => {});
  }
}

/** After the page itself has loaded. @param {() => void} task */
function whenIdle(task) {
  const idle = () => (window.requestIdleCallback || setTimeout)(task);
  if (document.readyState === "complete") idle();
  else addEventListener("load", idle);
}

/** Opens the preference centre, once however often it is clicked meanwhile. @param {string} [section] @returns {Promise<void>} */
function openCentre(section) {
  return (opening = opening || bringCentre(section || null).finally(() => (opening = null)));
}

/** @param {string | null} section */
async function bringCentre(section) {
  const opener = deepFocus();
  try {
    await inPagesLanguage();
    const detail = await base();
    document.addEventListener("consentry:close", () => giveFocusBack(opener), { once: true });
    emit("open", { ...detail, section });
    // It brings history, receipts and rights to life; the centre works without.
    bringMore();
  } catch (error) {
    fail("widget", error);
    sayInBanner(boot.texts.failed);
  }
}

/** What the widget's events begin with, once it runs. @returns {Promise<object>} */
async function base() {
  const [response] = await Promise.all([fetchAsset(boot.widget.centre), bringWidget()]);
  const centre = await response.json();
  const { choices = [], demands = [], signal = null } = readStored() || {};
  return {
    centre,
    choices,
    demands,
    earlier: boot.earlier || {},
    signal: signal || (hearsSignal() ? { at_ms: null } : null),
    server: !boot.local,
    now_ms: Date.now(),
  };
}

function bringWidget() {
  widgetReady =
    widgetReady ||
    startWidget().catch((error) => {
      widgetReady = null;
      throw error;
    });
  return widgetReady;
}

/** Elements, placeholders, and what else few pages need. @returns {Promise<More>} */
function bringMore() {
  more =
    more ||
    inPagesLanguage()
      .then(() => loadScript(address(boot.widget.more[0]), boot.widget.more[1]))
      .then(() => /** @type {Required<Consentry>} */ (window.consentry)._more(inside));
  // A page without it loses comfort, and no choice.
  more.catch((error) => {
    more = null;
    fail("more", error);
  });
  return more;
}

/** Tells the page, and nobody else, what went wrong. @param {string} what @param {unknown} error */
function fail(what, error) {
  emit("error", { what, message: String(error) });
}

/** @returns {Promise<unknown>} */
async function startWidget() {
  const wasm = fetchAsset(boot.widget.wasm);
  // Its failure is awaited below, and must not be reported as nobody's meanwhile.
  wasm.catch(() => {});
  await loadScript(address(boot.widget.js[0]), boot.widget.js[1]);
  return /** @type {Required<Consentry>} */ (window.consentry)._widget({ module_or_path: wasm });
}

/** The focused element, inside shadow roots too. */
function deepFocus() {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element;
}
