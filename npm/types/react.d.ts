/// <reference path="./elements.d.ts" />

/** Consentry's elements in JSX. `@consentry/page/react` brings them. */

import type { DetailedHTMLProps, HTMLAttributes } from "react";

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "consentry-gate": DetailedHTMLProps<HTMLAttributes<ConsentryGateElement>, ConsentryGateElement> & ConsentryTarget;
      "consentry-toggle": DetailedHTMLProps<HTMLAttributes<ConsentryToggleElement>, ConsentryToggleElement> & ConsentryTarget;
      "consentry-preferences": DetailedHTMLProps<HTMLAttributes<ConsentryPreferencesElement>, ConsentryPreferencesElement>;
    }
  }
}
