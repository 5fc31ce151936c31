/**
 * Consentry's elements as the DOM has them. They come to life as soon as the loader sees one; properties that were set before
 * then are kept.
 */

/** What an element is about. */
interface ConsentryTarget {
  /** A purpose of the policy; of a gate also an expression, as `analytics & !marketing`. */
  purpose?: string | null;
  /** A processor of that purpose. */
  processor?: string | null;
}

/** `<consentry-gate purpose>`: shows its content where that is allowed, and an offer where it is not. */
interface ConsentryGateElement extends HTMLElement {
  purpose: string | null;
  processor: string | null;
}

/** `<consentry-toggle purpose>`: one switch of the preference centre. */
interface ConsentryToggleElement extends HTMLElement {
  purpose: string | null;
  processor: string | null;
}

/** `<consentry-preferences>`: the preference centre, as part of a page. */
interface ConsentryPreferencesElement extends HTMLElement {}

interface HTMLElementTagNameMap {
  "consentry-gate": ConsentryGateElement;
  "consentry-toggle": ConsentryToggleElement;
  "consentry-preferences": ConsentryPreferencesElement;
}
