/**
 * For pages without a bundler that call Consentry before its script has come: a classic script to stand before the tag, or
 * to be copied into the page. Afterwards every method of `window.consentry` can be called, and waits if it must.
 */
(function () {
  const page = /** @type {any} */ (window);
  // An element with the id `consentry` answers to this name as well.
  if (page.consentry && (Array.isArray(page.consentry) || typeof page.consentry.can === "function")) return;
  /** @type {any} */
  const queue = [];
  page.consentry = queue;

  /** @param {(consentry: any) => void} task */
  function whenLive(task) {
    if (page.consentry === queue) queue.push(task);
    else task(page.consentry);
  }

  queue.can = (/** @type {unknown[]} */ ...given) => page.consentry !== queue && page.consentry.can(...given);
  queue.on = (/** @type {string} */ event, /** @type {(state: any) => void} */ listener) => {
    let isOver = false;
    /** @type {(() => void) | undefined} */
    let off;
    whenLive((consentry) => {
      if (!isOver) off = consentry.on(event, listener);
    });
    return () => {
      isOver = true;
      if (off) off();
    };
  };
  const names = "open acceptAll refuseAll set identify signOut record receipt export erase language reset debug";
  for (const name of names.split(" ")) {
    queue[name] = (/** @type {unknown[]} */ ...given) =>
      new Promise((resolve, reject) => {
        whenLive((consentry) => {
          try {
            resolve(consentry[name](...given));
          } catch (error) {
            // The calls behind it must not suffer.
            reject(error);
          }
        });
      });
  }
})();
