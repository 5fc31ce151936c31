/**
 * Asks before it processes: may this data of this person be used for this purpose, by this processor, now?
 *
 * `remote` asks a server over HTTP; `replica` answers in this process. Both answer with the core's decision, and `require` turns an allow into
 * a `Permit`, which nothing else makes. An error is never a permit.
 *
 * Deliberately absent: decisions of its own, and any log. No error says whom it was about.
 */

import { Remote } from "./remote.js";
import { Replica } from "./replica.js";
import { Site } from "./site.js";

/** @import { RemoteOptions, ReplicaOptions } from "./index.js" */

export { AskError, Denied, PermitError, SetUpError } from "./errors.js";
export { Permit } from "./permit.js";

/**
 * @param {string} url
 * @param {string} site
 * @param {string} key
 * @param {RemoteOptions} [options]
 */
export function remote(url, site, key, options = {}) {
  return new Remote(new Site(url, site, key, options), options);
}

/**
 * @param {string} url
 * @param {string} site
 * @param {string} key
 * @param {ReplicaOptions} [options]
 */
export async function replica(url, site, key, options = {}) {
  const at = new Site(url, site, key, options);
  return Replica.open(at, new Remote(at, options), options);
}
