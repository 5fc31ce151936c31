/** The file that a replica is kept in, which a restart begins with. */

import { open, readFile, rename, rm } from "node:fs/promises";

/** What the file has; nothing where there is none. @param {string} path */
export const read = (path) => readFile(path).catch(() => undefined);

/** Puts a replica in the file's place, whole or not at all, and readable for its owner alone. @param {string} path @param {Uint8Array} bytes */
export async function put(path, bytes) {
  const beside = `${path}.${process.pid}`;
  // What is left of one that was not finished might be readable for others.
  await rm(beside, { force: true });
  const file = await open(beside, "wx", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
}
