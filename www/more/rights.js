/**
 * What a visitor may demand: to have, to stop, and to be forgotten.
 *
 * A demand holds on this page in the tick in which it is made. What it ends, and what is allowed once it is lifted, the core
 * says in the widget.
 */

/**
 * Acts on what the widget asks for, and says whether it worked.
 *
 * @param {WidgetDemand} detail
 */
async function demand({ right, lifted, ends, allowed }) {
  let ok = true;
  try {
    if (right === "export") await download();
    else if (right === "access") followLink((await bringCentreDocument()).policy.controller.contact);
    else if (right === "erasure") await erase();
    else holdBack(right, lifted, ends, allowed);
  } catch (error) {
    ok = false;
    tellPage("network", error);
  }
  page.emit("done", { right, lifted, ok });
}

/**
 * The gate keeps to `ends`, whatever is chosen while the demand stands; what was chosen counts again once it is lifted.
 *
 * @param {"objection" | "restriction"} right
 * @param {boolean} lifted
 * @param {string[]} ends
 * @param {string[]} allowed
 */
function holdBack(right, lifted, ends, allowed) {
  /** @type {Omit<Demand, "v">} */
  const made = { id: page.uuid(7), demand: right };
  if (lifted) made.lifted = true;
  page.enqueue("demands", { v: 1, ...made });
  // Enqueuing has made a subject where there was none.
  const stored = page.stored();
  if (!stored) throw new Error("nothing can be kept in this browser");
  const demands = [...(stored.demands || []), { ...made, at_ms: Date.now() }];
  const chosen = lifted ? allowed : stored.allowed;
  page.write({ ...stored, demands, ends, allowed: stored.choices.length ? chosen : page.boot().allowed.nothing });
  page.restore();
  oweAccount(["demands", { v: 1, ...made }]);
}

/** Erases what was chosen here, and by the account where one is signed in, on the server first: without its secret this browser could not ask for it again. */
async function erase() {
  const { local, allowed } = page.boot();
  const stored = page.stored();
  if (stored) {
    const left = stored.allowed.filter((target) => allowed.refused.includes(target));
    // Nothing is sent after it: a choice that came later would bring this subject back.
    page.write({ ...stored, allowed: left, queue: [] });
  }
  page.obey(allowed.refused);
  if (stored && !local) await askServer("demands", { v: 1, id: page.uuid(7), demand: "erasure" });
  // Nobody is asked again on the spot, and nothing that is on by itself starts: the next page begins anew.
  forget();
}

/** As if this browser had never been here. */
function reset() {
  forget();
  signOut();
}

function forget() {
  // Nor does it come back when somebody signs out.
  before = ownState(null);
  // Memory takes the storage's place where that is blocked: both must go.
  page.write(/** @type {any} */ (null));
  try {
    localStorage.removeItem("consentry:" + page.boot().site);
  } catch {
    // Blocked: nothing was ever there.
  }
}
