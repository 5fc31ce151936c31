/**
 * Who is signed in, by a token that the site's back end has signed; a bare account id is never believed.
 *
 * Of device and account only what both allow is obeyed, in memory: nothing that an account was granted stays on a shared
 * device.
 */

/** Ends what the server's answer was good for. */
let accountTimer = 0;

/** @param {string} token @returns {Promise<void>} */
async function identify(token) {
  clearTimeout(accountTimer);
  try {
    const { allowed, until_ms } = await askServer("identity", { v: 1, token });
    obeyBoth(allowed);
    accountTimer = setTimeout(renew, Math.min(Math.max(until_ms - Date.now(), 1000), TIMER_MS_MAX), token);
  } catch (error) {
    tellPage("identity", error);
    throw error;
  }
}

/** Asks again; an answer that is too old, and cannot be had anew, allows nothing that could be refused. @param {string} token */
function renew(token) {
  identify(token).catch(() => obeyBoth(page.boot().allowed.refused));
}

/** The gate keeps to it from here on. @param {readonly string[]} allowed */
function obeyBoth(allowed) {
  page.ends = page.boot().allowed.granted.filter((target) => !allowed.includes(target));
  page.restore();
}

function signOut() {
  clearTimeout(accountTimer);
  page.ends = [];
  page.restore();
}
