/**
 * Choices of a few targets, made by the widget so that the core says what follows from them.
 *
 * Deliberately absent: whether the site's own code may grant; the loader asks that, in the tick of the call.
 */

/**
 * Settles when the choice has been made and the page obeys it.
 *
 * @param {Readonly<Record<string, Stance | boolean>>} wanted
 * @param {AskedSurface} surface
 * @returns {Promise<void>}
 */
async function chooseTargets(wanted, surface) {
  const stances = stancesOf(wanted);
  for (const target of Object.keys(stances)) checkTarget(target);
  if (!Object.keys(stances).length) throw new Error('name at least one purpose: `{ "marketing": false }`');
  const base = await bringBase();
  return new Promise((resolve, reject) => {
    const late = setTimeout(end, ANSWER_MS_MAX, new Error("the choice was not made: the widget did not answer"));
    /** @param {CustomEvent<WidgetChoice>} event */
    const hear = ({ detail }) => {
      if (detail.choice.surface === surface) end();
    };
    /** @param {Error} [error] */
    function end(error) {
      clearTimeout(late);
      document.removeEventListener("consentry:choice", hear);
      if (error) reject(error);
      else resolve();
    }
    // The loader hears it first, so that the choice holds by now.
    document.addEventListener("consentry:choice", hear);
    page.emit("set", { ...base, stances, surface });
  });
}

/** What the widget needs to know; rejects with what to do where it cannot run. */
async function bringBase() {
  try {
    return await page.base();
  } catch (error) {
    throw new Error(
      canRunWebAssembly()
        ? `the widget could not be loaded: ${error}`
        : "this page forbids WebAssembly, which a choice in detail needs: add 'wasm-unsafe-eval' to `script-src` of its " +
            "Content-Security-Policy, or call `acceptAll` or `refuseAll`, which do without",
    );
  }
}

function canRunWebAssembly() {
  try {
    return !!new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
  } catch {
    return false;
  }
}

/** @param {Readonly<Record<string, Stance | boolean>>} wanted */
function stancesOf(wanted) {
  /** @type {Record<string, Stance>} */
  const stances = {};
  for (const [name, stance] of Object.entries(wanted)) {
    stances[ownName(name)] = stance === true || stance === "grant" ? "grant" : "refuse";
  }
  return stances;
}

/** @param {string} target */
function checkTarget(target) {
  const { granted, refused } = page.boot().allowed;
  const choosable = granted.filter((other) => !refused.includes(other));
  if (!choosable.includes(target)) {
    throw new Error(
      `\`${target}\` ${refused.includes(target) ? "is always on" : "is not in the policy"}: choose of ${choosable.join(", ")}`,
    );
  }
}

/**
 * Takes over what was chosen in another system, where nothing was chosen here. What the policy does not have, or what a
 * choice of ours would have outlived, is left behind.
 *
 * @param {FoundChoices} found
 * @returns {Promise<void>}
 */
async function takeOver({ stances, at_ms }) {
  const { allowed, valid_ms } = page.boot();
  const stored = page.stored();
  const entries = Object.entries(stancesOf(stances)).filter(
    ([target]) => allowed.granted.includes(target) && !allowed.refused.includes(target),
  );
  if ((stored && stored.choices.length) || !entries.length || (at_ms && Date.now() - at_ms >= valid_ms)) return;
  await chooseTargets(Object.fromEntries(entries), "import");
}
