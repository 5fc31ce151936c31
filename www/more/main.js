/**
 * The rest of `window.consentry`, which few pages need: fetched when a page has our elements or closed embeds, when the
 * preference centre opens, or when one of these methods is called.
 *
 * Deliberately absent: any decision. What follows from a choice is said by the core, in the widget or on the server.
 */

/** @type {any} */ (window.consentry)._more = (/** @type {Inside} */ inside) => {
  page = inside;
  parents = new ResizeObserver(followParents);
  defineElements();
  settlePlaceholders();
  hearPage();
  if (location.hash === "#consentry-debug") debug();
  // The centre that we were fetched for is open already.
  if (document.querySelector("consentry-centre")) bringRecord();
  return {
    set: (/** @type {Record<string, boolean>} */ stances) => chooseTargets(stances, "script"),
    identify,
    signOut: async () => signOut(),
    record: bringRecord,
    receipt: async (/** @type {string | undefined} */ id) => receiptOf(id),
    export: exportAll,
    erase,
    language: speak,
    reset: async () => reset(),
    debug,
    // Nobody waits for it: what went wrong is told to the page.
    _imported: (/** @type {FoundChoices} */ found) => takeOver(found).catch((error) => tellPage("widget", error)),
  };
};

function hearPage() {
  document.addEventListener("consentry:change", () => {
    settlePlaceholders();
    updateElements();
  });
  document.addEventListener("consentry:sync", redrawIfChosen);
  document.addEventListener("consentry:sync", followChoices);
  document.addEventListener("consentry:change", followChoices);
  // Before the loader's own, which tells of a change.
  addEventListener("storage", settleOthers, true);
  document.addEventListener("consentry:open", bringRecord);
  document.addEventListener("consentry:demand", ({ detail }) => demand(detail));
  document.addEventListener("consentry:receipt", ({ detail }) => download(detail.id));
  // The loader's own comes first, so that what was added is known to be gated.
  new MutationObserver(settlePlaceholders).observe(document, { childList: true, subtree: true });
}

/** Shows developers what is gated, what is not, and why. */
async function debug() {
  const [path, integrity] = page.boot().widget.debug;
  await page.load(page.address(path), integrity);
  const consentry = /** @type {any} */ (window.consentry);
  consentry._debug(page);
}

/** The language of our texts, changed to another first if one is named. @param {string} [tag] @returns {Promise<string>} */
async function speak(tag) {
  const { language, languages } = page.boot();
  if (!tag || tag === language) return language;
  if (!languages.includes(tag)) {
    throw new Error(`the policy has no texts in \`${tag}\`: there are ${languages.join(", ")}`);
  }
  await page.load(page.script(tag));
  placeholders.forEach((host, embed) => {
    if (host && host.shadowRoot) showOffer(host.shadowRoot, page.wanted(embed) || "");
  });
  updateElements();
  return page.boot().language;
}
