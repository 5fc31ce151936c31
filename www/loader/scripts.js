/**
 * How a script gets into a page, and where our own came from.
 *
 * Under Trusted Types a script's address and text must come from a policy. Ours is named `consentry` and lets pass what
 * the page's own markup and the boot document name; where the page's CSP does not list it, gated scripts and the
 * preference centre stay shut, and the banner, which needs neither, works.
 *
 * Deliberately absent: `import()`, which takes no integrity, and `eval`.
 */

/** The tag that loaded us. An `<img name=currentScript>` hides it, and then its address is looked for. */
const ownScript =
  document.currentScript instanceof HTMLScriptElement
    ? document.currentScript
    : /** @type {HTMLScriptElement | null} */ (document.querySelector(`script[src*="/${boot.site}.js"]`));

/** @type {ScriptMaker} */
let trusted = { createScript: (text) => text, createScriptURL: (url) => url };

function trustScripts() {
  try {
    if (window.trustedTypes) trusted = window.trustedTypes.createPolicy("consentry", trusted);
  } catch {
    // The page's CSP does not list our policy.
  }
}

/** The absolute address of a path under Consentry's base. @param {string} path */
function address(path) {
  // Without a base, everything hangs beside the script itself; a pinned one lies among the assets.
  const folder = boot.base || (ownScript?.src ? new URL(".", ownScript.src).href.replace(/(\/assets)?\/$/, "") : "");
  return folder + path;
}

/** This script in another language. @param {string} language */
function scriptIn(language) {
  return address(`/${boot.site}${boot.local ? `.${language}.js` : `.js?lang=${language}`}`);
}

/** The page's language has been asked for, once. @type {Promise<unknown> | null} */
let inLanguage = null;

/** Settles when our texts are in the page's language, if there are any in it and the tag names no other (R13). */
function inPagesLanguage() {
  const wanted = document.documentElement.lang;
  const { languages, language } = boot;
  const found = languages.find((tag) => tag === wanted) || languages.find((tag) => tag === wanted.split("-")[0]);
  const isFree = ownScript && !ownScript.integrity && !ownScript.src.includes("lang=");
  if (found && found !== language && isFree && !inLanguage) inLanguage = loadScript(scriptIn(found)).catch(() => {});
  return Promise.resolve(inLanguage);
}

/**
 * Loads a script, and settles when it has run.
 *
 * @param {string} url
 * @param {string} [integrity]
 * @returns {Promise<unknown>}
 */
function loadScript(url, integrity) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.onload = resolve;
    script.onerror = reject;
    if (ownScript) script.nonce = ownScript.nonce;
    if (integrity) {
      script.integrity = integrity;
      script.crossOrigin = "anonymous";
    }
    script.src = trusted.createScriptURL(url);
    document.documentElement.append(script);
    script.remove();
  });
}
