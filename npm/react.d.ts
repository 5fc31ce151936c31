/// <reference path="./types/consentry.d.ts" />

import type { ReactNode } from "react";
import type {} from "./types/react.js";

/** Whether this is allowed now; draws again when that changes. False on a server, and before the loader has run. */
export function useConsent(purpose: string, options?: { processor?: string }): boolean;

export interface GateProps {
  purpose: string;
  processor?: string;
  /** Shown as long as it is not allowed. */
  fallback?: ReactNode;
  children?: ReactNode;
}

/** Draws its children where that is allowed, and only there: until then they are not even made. */
export function Gate(props: GateProps): ReactNode;
