/**
 * What this page asks other origins for without a tag, and without a rule that covers the host.
 *
 * The browser's own list of requests shows what no element does: `fetch`, beacons, and what style sheets ask for.
 */

const LOADING = "script[src],iframe[src],img[src],link[href],video[src],audio[src],source[src],embed[src],object[data]";

/** Words about the page, for which nothing is fetched. */
const ONLY_WORDS = /^(canonical|alternate|author|license|me|next|prev|search|help|dns-prefetch|preconnect)?$/;

/** @returns {Finding[]} */
function untaggedFindings() {
  /** Addresses that an element accounts for. @type {Set<string>} */
  const accounted = new Set();
  /** @type {Map<string, Finding>} */
  const found = new Map();
  for (const element of document.querySelectorAll(LOADING)) {
    const address = addressOf(element);
    if (!address || (element instanceof HTMLLinkElement && ONLY_WORDS.test(element.rel))) continue;
    accounted.add(address.href);
    if (page.wanted(element) !== null || !isForeign(address)) continue;
    found.set(address.href, {
      mark: "wrong",
      text: `${address.host}: <${element.localName}> without a tag. Write:`,
      code: tagFor(element, address.href),
    });
  }
  for (const { name, initiatorType } of /** @type {PerformanceResourceTiming[]} */ (
    performance.getEntriesByType("resource")
  )) {
    const address = parsed(name);
    if (!address || accounted.has(address.href) || !isForeign(address)) continue;
    // One rule covers all of a host's requests.
    found.set(address.host, {
      mark: "wrong",
      text: `${address.host}: asked for by ${initiatorType || "the page"} (${shortened(address.pathname)}). Write in the policy:`,
      code: `[page.hosts]\n<purpose> = ["${address.hostname}"]`,
    });
  }
  return [...found.values()].slice(0, FINDINGS_MAX);
}

/** @param {Element} element */
function addressOf(element) {
  return parsed(element.getAttribute("src") || element.getAttribute("href") || element.getAttribute("data") || "");
}

/** @param {string} address */
function parsed(address) {
  try {
    return new URL(address, document.baseURI);
  } catch {
    return null;
  }
}

/** Neither the page's own, nor ours, nor covered by a rule. @param {URL} address */
function isForeign({ protocol, origin, hostname, href }) {
  if (!/^http/.test(protocol) || origin === location.origin || targetOfHost(hostname)) return false;
  return !href.startsWith(page.address("/"));
}

/** @param {Element} element @param {string} address */
function tagFor({ localName }, address) {
  const attribute = localName === "link" ? "href" : "src";
  const type = localName === "script" ? ' type="text/plain"' : "";
  return `<${localName}${type} data-consent="<purpose>" data-${attribute}="${shortened(address)}">`;
}
