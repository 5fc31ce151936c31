/**
 * Consentry for those who bundle: adds the script tag, and stands for `window.consentry` before and after that has run.
 *
 * What is called too early waits in the queue that the loader reads when it starts; until then nothing is allowed. On a
 * server there is no page: importing this does nothing, `can` is false, and what would settle later never does.
 *
 * Deliberately absent: the loader itself, which comes from your Consentry with your policy in it, and any decision.
 */

/** Methods that answer later, and so may be called before there is anybody to answer. */
const LATER = /** @type {const} */ ([
  ...["open", "set", "identify", "signOut", "record", "receipt", "export", "erase", "language", "reset", "debug"],
]);

/** The same for everyone who loads. @type {Promise<Consentry> | null} */
let loading = null;

/** The loader's own object, or null as long as it has not run. @returns {Consentry | null} */
function live() {
  if (typeof window === "undefined") return null;
  // An element with the id `consentry` answers to this name as well, and so does the queue.
  const { consentry } = window;
  return consentry && !Array.isArray(consentry) && typeof consentry.can === "function" ? consentry : null;
}

/** @param {(consentry: Consentry) => void} task */
function whenLive(task) {
  const consentry = live();
  if (consentry) task(consentry);
  else if (typeof window !== "undefined") {
    const page = /** @type {{ consentry?: unknown }} */ (window);
    const queue = Array.isArray(page.consentry) ? page.consentry : (page.consentry = []);
    /** @type {unknown[]} */ (queue).push(task);
  }
}

/**
 * Adds the script tag, once however often it is called, and settles with `window.consentry` when that is there. A tag that
 * the page has already is not added again.
 *
 * @param {import("./index.js").LoadOptions} options
 * @returns {Promise<Consentry>}
 */
export function load(options) {
  if (typeof document === "undefined") return new Promise(() => {});
  loading =
    loading ||
    bring(options).catch((error) => {
      // Whoever comes back online may try again.
      loading = null;
      throw error;
    });
  return loading;
}

/** @param {import("./index.js").LoadOptions} options @returns {Promise<Consentry>} */
function bring({ src, nonce, integrity }) {
  return new Promise((resolve, reject) => {
    whenLive(resolve);
    if (live()) return;
    const { href } = new URL(src, document.baseURI);
    const present = [...document.scripts].find((script) => script.src === href);
    const script = present || document.createElement("script");
    script.addEventListener("error", () => {
      // The next attempt needs a tag that has not failed.
      script.remove();
      reject(new Error(`could not load \`${href}\`: is it reachable, and does the page's Content-Security-Policy allow it?`));
    });
    script.addEventListener("load", () => {
      if (!live()) reject(new Error(`\`${href}\` is not Consentry's script: \`src\` is what the tag in your page's head would name`));
    });
    if (present) return;
    script.async = true;
    // The loader gives it to the scripts that it brings.
    if (nonce) script.nonce = nonce;
    if (integrity) {
      script.integrity = integrity;
      script.crossOrigin = "anonymous";
    }
    script.src = /** @type {string} */ (trusted(href));
    (document.head || document.documentElement).append(script);
  });
}

/**
 * Under Trusted Types an address must come from a policy. It has another name than the loader's own, since a name is good
 * for one policy; where the page lists neither, its default policy is asked.
 *
 * @param {string} href
 * @returns {unknown}
 */
function trusted(href) {
  const { trustedTypes } = /** @type {{ trustedTypes?: { createPolicy(name: string, rules: object): any } }} */ (
    /** @type {unknown} */ (window)
  );
  try {
    return trustedTypes
      ? trustedTypes.createPolicy("consentry-load", { createScriptURL: (/** @type {string} */ url) => url }).createScriptURL(href)
      : href;
  } catch {
    return href;
  }
}

/** @param {string} name */
function later(name) {
  return (/** @type {unknown[]} */ ...given) =>
    new Promise((resolve, reject) => {
      whenLive((consentry) => {
        try {
          resolve(/** @type {any} */ (consentry)[name](...given));
        } catch (error) {
          reject(error);
        }
      });
    });
}

/** At once where that can be, so that the click that it needs still counts. @param {"acceptAll" | "refuseAll"} name */
function atOnce(name) {
  return () => {
    const consentry = live();
    if (consentry) consentry[name]();
    // The queue's other calls must not suffer if it throws; the page hears of it by `consentry:error`.
    else later(name)().catch(() => {});
  };
}

/** `window.consentry`, whether or not that is there yet. @type {Consentry} */
export const consentry = /** @type {Consentry} */ (
  /** @type {unknown} */ ({
    can: (/** @type {Parameters<Consentry["can"]>} */ ...given) => live()?.can(...given) ?? false,
    /** @param {keyof ConsentryEvents} event @param {(state: any) => void} listener */
    on(event, listener) {
      let isOver = false;
      /** @type {(() => void) | undefined} */
      let off;
      whenLive((consentry) => {
        if (!isOver) off = consentry.on(event, listener);
      });
      return () => {
        isOver = true;
        off?.();
      };
    },
    acceptAll: atOnce("acceptAll"),
    refuseAll: atOnce("refuseAll"),
    ...Object.fromEntries(LATER.map((name) => [name, later(name)])),
    push: (/** @type {ConsentryCall} */ call) => whenLive((consentry) => consentry.push(call)),
  })
);

// Asked anew each time, and so no plain values.
Object.defineProperties(consentry, {
  subject: { enumerable: true, get: () => live()?.subject ?? null },
  policy: { enumerable: true, get: () => live()?.policy ?? "" },
});
