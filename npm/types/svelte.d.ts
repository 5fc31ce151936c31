/// <reference path="./elements.d.ts" />

/** Consentry's elements in Svelte's markup (`svelteHTML` reads them there): `import type {} from "@consentry/page/types/svelte"`. */

import type { HTMLAttributes } from "svelte/elements";

declare module "svelte/elements" {
  interface SvelteHTMLElements {
    "consentry-gate": HTMLAttributes<ConsentryGateElement> & ConsentryTarget;
    "consentry-toggle": HTMLAttributes<ConsentryToggleElement> & ConsentryTarget;
    "consentry-preferences": HTMLAttributes<ConsentryPreferencesElement>;
  }
}
