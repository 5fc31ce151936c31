/** What lies in this browser's cookies and storage for this page that no pattern of the policy declares. */

/** @returns {Finding[]} */
function keptFindings() {
  const cookies = readable(() => document.cookie.split("; ").map((cookie) => cookie.split("=")[0]));
  const kept = cookies
    .filter((name) => name && !isDeclared(name, 1))
    .map((name) => keptFinding("cookie", "cookies", name));
  for (const place of /** @type {const} */ (["localStorage", "sessionStorage"])) {
    for (const key of readable(() => Object.keys(window[place]))) {
      // Our own says what was chosen.
      if (!key.startsWith("consentry:") && !isDeclared(key, 2)) kept.push(keptFinding(`${place} key`, "storage", key));
    }
  }
  return kept.slice(0, FINDINGS_MAX);
}

/** @param {() => string[]} read @returns {string[]} */
function readable(read) {
  try {
    return read();
  } catch {
    // Blocked, and then there is nothing in it.
    return [];
  }
}

/** @param {string} what @param {"cookies" | "storage"} table @param {string} name @returns {Finding} */
function keptFinding(what, table, name) {
  const code = `[page.${table}]\n<purpose> = [${JSON.stringify(shortened(name))}]`;
  return {
    mark: "wrong",
    text: `${what} \`${shortened(name)}\` belongs to no purpose. If it needs one, write in the policy:`,
    code,
  };
}
