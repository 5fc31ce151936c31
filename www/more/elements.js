/**
 * `<consentry-gate>`, `<consentry-toggle>` and `<consentry-preferences>`.
 *
 * The first holds content back; the other two have the widget draw into their roots, so that a switch on the page is the
 * same switch as in the preference centre. `purpose` and `processor` are attributes, mirrored as properties for frameworks
 * that set those.
 */

/** Elements on the page. @type {Set<Targeted>} */
const ours = new Set();

/** What they share: a target that may change, and being told when something may have. */
class Targeted extends HTMLElement {
  static get observedAttributes() {
    return ["purpose", "processor"];
  }

  constructor() {
    super();
    this.root = this.attachRoot();
  }

  attachRoot() {
    return this.attachShadow({ mode: "open" });
  }

  get purpose() {
    return this.getAttribute("purpose");
  }

  set purpose(value) {
    reflect(this, "purpose", value);
  }

  get processor() {
    return this.getAttribute("processor");
  }

  set processor(value) {
    reflect(this, "processor", value);
  }

  /** `purpose` or `purpose/processor`, as the page names it. */
  get target() {
    return (this.purpose || "") + (this.processor ? "/" + this.processor : "");
  }

  connectedCallback() {
    for (const name of /** @type {const} */ (["purpose", "processor"])) {
      if (!Object.prototype.hasOwnProperty.call(this, name)) continue;
      // Set before this class was known, and in the way of its accessor.
      const value = this[name];
      delete (/** @type {any} */ (this)[name]);
      this[name] = value;
    }
    ours.add(this);
    this.update();
  }

  disconnectedCallback() {
    ours.delete(this);
  }

  attributeChangedCallback() {
    if (this.isConnected) this.update();
  }

  update() {}
}

/** @param {Element} element @param {string} name @param {unknown} value */
function reflect(element, name, value) {
  if (value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, String(value));
}

/** Shows its content where its target is allowed, and an offer where it is not. */
class Gate extends Targeted {
  constructor() {
    super();
    /** What was cloned out of each template among the children. @type {Map<HTMLTemplateElement, ChildNode[]>} */
    this.clones = new Map();
    /** What the root shows: an expression's offer, the content (null), or nothing yet. @type {string | null | undefined} */
    this.shown = undefined;
  }

  attachRoot() {
    return rootOf(this);
  }

  update() {
    const isOpen = page.meets(this.target);
    if (!isOpen) {
      this.clones.forEach((nodes) => nodes.forEach((node) => node.remove()));
      this.clones.clear();
      const shown = this.target + page.boot().language;
      if (this.shown !== shown) showOffer(this.root, this.target);
      this.shown = shown;
    } else if (this.shown !== null) {
      const hadFocus = this.root.activeElement;
      this.shown = null;
      const slot = document.createElement("slot");
      // Children that the parser, or a framework, has not added yet.
      slot.addEventListener("slotchange", () => this.fill());
      this.root.replaceChildren(slot);
      this.fill();
      if (hadFocus) focusOn(this);
    }
  }

  fill() {
    // A slot that is gone tells of its end as well.
    if (this.shown !== null) return;
    for (const child of [...this.children]) {
      if (!(child instanceof HTMLTemplateElement) || this.clones.has(child)) continue;
      const content = document.importNode(child.content, true);
      this.clones.set(child, [...content.childNodes]);
      child.after(content);
    }
  }
}

/** Has the widget draw one switch. */
class Toggle extends Targeted {
  get kind() {
    return "toggle";
  }

  update() {
    drawSoon(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    page.emit("unmount", { root: this.root });
  }
}

/** Has the widget draw all of it. */
class Preferences extends Toggle {
  get kind() {
    return "preferences";
  }
}

/** Waiting to be drawn. @type {Set<Toggle>} */
const undrawn = new Set();

/** The latest choice that they show. @type {string | undefined} */
let drawnChoice;

/** One document is fetched for all that ask in the meantime. @param {Toggle} element */
async function drawSoon(element) {
  undrawn.add(element);
  if (undrawn.size > 1) return;
  try {
    const base = await bringBase();
    drawnChoice = latestState();
    draw((root, kind, target) => page.emit("mount", { ...base, root, kind, target }));
  } catch (error) {
    draw((root) => {
      root.replaceChildren();
      appendTo(root, "p").textContent = page.boot().texts.failed;
    });
    tellPage("widget", error);
  }
}

/** @param {(root: ShadowRoot, kind: string, target: string) => void} how */
function draw(how) {
  const all = [...undrawn];
  undrawn.clear();
  for (const { isConnected, root, kind, target } of all) {
    if (isConnected) how(root, kind, kind === "toggle" ? ownName(target) : "");
  }
}

function latestChoice() {
  const { choices = [] } = page.stored() || {};
  const last = choices[choices.length - 1];
  return last && last.id;
}

/** A choice that changes nothing on the page may still change a switch. */
function redrawIfChosen() {
  if (latestState() !== drawnChoice) updateElements();
}

/** The latest choice, and whether it has its receipt. */
function latestState() {
  return latestChoice() + " " + !!receiptOf(latestChoice());
}

function updateElements() {
  ours.forEach((element) => element.update());
}

function defineElements() {
  const names = { gate: Gate, toggle: Toggle, preferences: Preferences };
  for (const [name, element] of Object.entries(names)) {
    if (!customElements.get("consentry-" + name)) customElements.define("consentry-" + name, element);
  }
}
