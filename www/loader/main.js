/**
 * Starts it all: the gate first, then what is stored, then the banner where nothing is. Runs once, however often it is
 * included; a later inclusion can only bring a newer policy.
 *
 * Deliberately absent: any global but `window.consentry`, and any decision.
 */

/** Whether Consentry runs already. An element with the id `consentry` also answers to this name. */
const earlier = window.consentry;

if (earlier && earlier._renew) earlier._renew(boot);
else start();

function start() {
  trustScripts();
  window.consentry = {
    can,
    open: openCentre,
    on(event, listener) {
      const type = /** @type {"consentry:change"} */ ("consentry:" + event);
      /** @param {CustomEvent<ConsentryState>} event */
      const hear = ({ detail }) => listener(detail);
      document.addEventListener(type, hear);
      // Whoever can call this does so after the loader ran.
      if (event === "ready") queueMicrotask(() => listener({ v: 1, allowed: [...allowed] }));
      return () => document.removeEventListener(type, hear);
    },
    get subject() {
      const stored = readStored();
      return stored && "device:" + stored.subject;
    },
    get policy() {
      return boot.policy;
    },
    get language() {
      return boot.language;
    },
    _renew(fresh) {
      if (fresh.site !== boot.site || fresh.policy === boot.policy) return;
      boot = fresh;
      hideBanner();
      restore();
    },
  };
  watchPage();
  restore();
  listen();
}

function listen() {
  document.addEventListener("consentry:choice", ({ detail }) => chooseInCentre(detail));
  document.addEventListener(
    "click",
    (event) => {
      const { target } = event;
      if (target instanceof Element && target.closest('[data-consentry="open"]')) {
        event.preventDefault();
        openCentre();
      }
    },
    // Before the page's own listeners, which might stop it: this control is the visitor's.
    true,
  );
  addEventListener("online", sendChoices);
  addEventListener("storage", ({ key }) => {
    if (!key || key === storeKey) restore();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) restore();
  });
}
