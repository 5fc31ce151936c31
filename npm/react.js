"use client";

/**
 * Consent as React sees it: a value that changes from outside.
 *
 * Deliberately absent: a provider. There is one page, and one `window.consentry` in it.
 */

import { useCallback, useSyncExternalStore } from "react";
import { consentry } from "./index.js";

/** @param {() => void} listener */
function subscribe(listener) {
  // What was allowed from the start has changed before anybody could listen: `ready` tells of it.
  const offs = [consentry.on("ready", listener), consentry.on("change", listener)];
  return () => offs.forEach((off) => off());
}

/** A page that comes from a server is drawn before anything is allowed. */
const onServer = () => false;

/**
 * Whether this is allowed now; draws again when that changes.
 *
 * @param {string} purpose
 * @param {{ processor?: string }} [options]
 */
export function useConsent(purpose, { processor } = {}) {
  const read = useCallback(
    () => consentry.can(purpose, processor === undefined ? undefined : { processor }),
    [purpose, processor],
  );
  return useSyncExternalStore(subscribe, read, onServer);
}

/** @param {import("./react.js").GateProps} props */
export function Gate({ purpose, processor, fallback = null, children = null }) {
  return useConsent(purpose, { processor }) ? children : fallback;
}
