/**
 * Starts it all: the gate first, then what is stored, then the banner where nothing is. Runs once, however often it is
 * included; a later inclusion can only bring a newer policy, or another language.
 *
 * Deliberately absent: any global but `window.consentry`, and any decision.
 */

/** Whether Consentry runs already. An element with the id `consentry` also answers to this name, and so does a queue. */
const earlier = /** @type {Consentry | Queue | undefined} */ (window.consentry);

/** What `more.js` and `debug.js` work with. @type {Inside} */
const inside = {
  boot: () => boot,
  stored: readStored,
  write: writeStored,
  enqueue(to, what) {
    const stored = readStored() || newSubject();
    enqueue(stored, to, what);
    writeStored(stored);
    sendQueue();
  },
  restore,
  obey,
  address,
  base,
  emit,
  meets,
  isKnown,
  wanted,
  gated,
  token,
  uuid,
  load: loadScript,
  script: scriptIn,
};

/** What `more.js` answers. */
const REST = ["set", "identify", "signOut", "record", "receipt", "export", "erase", "language", "reset", "debug", "_imported"];

if (earlier && "_renew" in earlier) earlier._renew(boot);
else start(earlier);

/** @param {Queue | undefined} queue */
function start(queue) {
  trustScripts();
  const consentry = /** @type {Consentry} */ (/** @type {Partial<Consentry>} */ ({
    can,
    open: openCentre,
    on(event, listener) {
      const type = /** @type {"consentry:change"} */ ("consentry:" + event);
      /** @param {CustomEvent<any>} event */
      const hear = ({ detail }) => listener(detail);
      document.addEventListener(type, hear);
      // Whoever can call this does so after the loader ran.
      if (event === "ready") queueMicrotask(() => listener(/** @type {any} */ ({ v: 1, allowed: [...allowed] })));
      return () => document.removeEventListener(type, hear);
    },
    acceptAll() {
      needLeave();
      chooseAll("granted", "script");
    },
    refuseAll: () => chooseAll("refused", "script"),
    push(call) {
      if (typeof call === "function") call(consentry);
      else /** @type {any} */ (consentry)[call[0]](...call.slice(1));
    },
    get subject() {
      const stored = readStored();
      return stored && "device:" + stored.subject;
    },
    get policy() {
      return boot.policy;
    },
    _renew(fresh) {
      if (fresh.site !== boot.site || (fresh.policy === boot.policy && fresh.language === boot.language)) return;
      boot = fresh;
      // It speaks the page's language, or the one that was asked for.
      inLanguage = Promise.resolve();
      hideBanner();
      restore();
    },
  }));
  for (const name of REST) {
    /** @type {any} */ (consentry)[name] = async (/** @type {any[]} */ ...given) => {
      if (name === "set" && Object.values(given[0]).some(Boolean)) needLeave();
      return /** @type {any} */ (await bringMore())[name](...given);
    };
  }
  window.consentry = consentry;
  watchPage();
  restore();
  listen(consentry);
  if (Array.isArray(queue)) queue.forEach((call) => consentry.push(call));
}

/** A grant by the site's own code is not the person's: it needs their click, or the policy's leave. */
function needLeave() {
  // Set by the browser, for some seconds after a click or key of the person's, and by no script.
  if (boot.script || navigator.userActivation?.isActive) return;
  throw new Error("needs a click, or `script_choices` in the policy");
}

/** @param {Consentry} consentry */
function listen({ acceptAll, refuseAll }) {
  // What a page's own controls do; the last two are cookieconsent's.
  /** @type {Record<string, (section?: any) => void>} */
  const acts = {
    open: openCentre,
    "accept-all": acceptAll,
    "refuse-all": refuseAll,
    "accept-necessary": refuseAll,
    "show-preferencesModal": openCentre,
  };
  document.addEventListener("consentry:choice", ({ detail }) => chooseInCentre(detail));
  document.addEventListener(
    "click",
    (event) => {
      const { target } = event;
      const control = target instanceof Element && target.closest("[data-consentry],[data-cc]");
      if (!control) return;
      const [name, section] = (control.getAttribute("data-consentry") || control.getAttribute("data-cc") || "").split("/");
      const act = acts[name];
      if (!act) return;
      event.preventDefault();
      act(section);
    },
    // Before the page's own listeners, which might stop it: this control is the visitor's.
    true,
  );
  addEventListener("online", sendQueue);
  addEventListener("storage", ({ key }) => {
    if (!key || key === storeKey) restore();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) restore();
  });
}
