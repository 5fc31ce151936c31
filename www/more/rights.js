/**
 * What a visitor may demand: to have, to stop, and to be forgotten.
 *
 * A demand holds on this page in the tick in which it is made. It can only close: what opens again when it is lifted is what
 * was open before, and only if nobody has chosen since.
 */

/** Purposes that an objection to direct marketing ends; the core says the same of them. */
const MARKETING = ["marketing", "advertising"];

/**
 * Acts on what the widget asks for, and says whether it worked.
 *
 * @param {Right} right
 * @param {boolean} lifted
 */
async function demand(right, lifted) {
  let ok = true;
  try {
    if (right === "export") await download();
    else if (right === "access") followLink((await bringCentreDocument()).policy.controller.contact);
    else if (right === "erasure") await erase();
    else await holdBack(right, lifted);
  } catch (error) {
    ok = false;
    tellPage("network", error);
  }
  page.emit("done", { right, lifted, ok });
}

/** @param {"objection" | "restriction"} right @param {boolean} lifted */
async function holdBack(right, lifted) {
  const { policy } = await bringCentreDocument();
  const marketing = policy.purposes.filter(({ kind }) => MARKETING.includes(kind)).map(({ id }) => id);
  const { nothing, refused } = page.boot().allowed;
  const before = page.stored();
  /** @type {Omit<Demand, "v">} */
  const made = { id: page.uuid(7), demand: right };
  if (lifted) made.lifted = true;
  page.enqueue("demands", { v: 1, ...made });
  // Enqueuing has made a subject where there was none.
  const stored = page.stored();
  if (!stored) throw new Error("nothing can be kept in this browser");
  const after = latestChoice() || null;
  const held =
    stored.held && stored.held.after === after ? stored.held : { after, allowed: before ? before.allowed : nothing };
  const demands = [...(stored.demands || []), { ...made, at_ms: Date.now() }];
  const allowed = held.allowed.filter(
    (target) =>
      (!stands("restriction", demands) || refused.includes(target)) &&
      !(stands("objection", demands) && marketing.includes(target.split("/")[0])),
  );
  page.write({ ...stored, demands, held, allowed });
  page.restore();
}

/** Whether it was demanded and not lifted since. @param {string} right @param {{ demand: string, lifted?: true }[]} demands */
function stands(right, demands) {
  const last = [...demands].reverse().find(({ demand }) => demand === right);
  return !!last && !last.lifted;
}

/** Erases what was chosen, on the server first: without its secret this browser could not ask for it again. */
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
  // Memory takes the storage's place where that is blocked: both must go.
  page.write(/** @type {any} */ (null));
  try {
    localStorage.removeItem("consentry:" + page.boot().site);
  } catch {
    // Blocked: nothing was ever there.
  }
}
