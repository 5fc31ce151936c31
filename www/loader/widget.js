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

/** @param {Asset} asset @param {RequestPriority} [priority] */
function fetchAsset([path, integrity], priority) {
  return fetch(address(path), { integrity, priority });
}

/** Fetches into the browser's cache what "choose" would need. */
function fetchWidgetEarly() {
  const { connection } = /** @type {{ connection?: { saveData: boolean } }} */ (navigator);
  if (!banner || (connection && connection.saveData)) return;
  for (const asset of Object.values(boot.widget)) {
    fetchAsset(asset, "low").then((response) => response.blob()).catch(() => {});
  }
}

/** After the page itself has loaded. @param {() => void} task */
function whenIdle(task) {
  const idle = () => (window.requestIdleCallback || setTimeout)(task);
  if (document.readyState === "complete") idle();
  else addEventListener("load", idle);
}

/** Opens the preference centre, once however often it is clicked meanwhile. @returns {Promise<void>} */
function openCentre() {
  return (opening = opening || bringCentre().finally(() => (opening = null)));
}

async function bringCentre() {
  const opener = deepFocus();
  try {
    const [response] = await Promise.all([fetchAsset(boot.widget.centre), (widgetReady = widgetReady || startWidget())]);
    const centre = await response.json();
    document.addEventListener("consentry:close", () => giveFocusBack(opener), { once: true });
    emit("open", { centre, choice: validChoice(), now_ms: Date.now() });
  } catch {
    widgetReady = null;
    sayInBanner(boot.texts.failed);
  }
}

/** @returns {Promise<unknown>} */
async function startWidget() {
  const wasm = fetchAsset(boot.widget.wasm);
  // Its failure is awaited below, and must not be reported as nobody's meanwhile.
  wasm.catch(() => {});
  await loadScript(address(boot.widget.js[0]), boot.widget.js[1]);
  const { _widget } = /** @type {Consentry} */ (window.consentry);
  if (!_widget) throw new Error("the widget's script did not run");
  return _widget({ module_or_path: wasm });
}

/** The focused element, inside shadow roots too. */
function deepFocus() {
  let element = document.activeElement;
  while (element && element.shadowRoot && element.shadowRoot.activeElement) element = element.shadowRoot.activeElement;
  return element;
}
