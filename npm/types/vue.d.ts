/// <reference path="./elements.d.ts" />

/** Consentry's elements in the templates of Vue 3: `import type {} from "@consentry/page/types/vue"`. */

import type { HTMLAttributes } from "vue";

declare module "vue" {
  interface GlobalComponents {
    "consentry-gate": new () => ConsentryGateElement & { $props: HTMLAttributes & ConsentryTarget };
    "consentry-toggle": new () => ConsentryToggleElement & { $props: HTMLAttributes & ConsentryTarget };
    "consentry-preferences": new () => ConsentryPreferencesElement & { $props: HTMLAttributes };
  }
}
