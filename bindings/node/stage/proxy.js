/** What stands between a back end and its server, and can be cut. */

import { connect, createServer } from "node:net";

/** @import { AddressInfo, Socket } from "node:net" */

/** @param {string} url of the server */
export async function startProxy(url) {
  let target = new URL(url);
  let isCut = false;
  /** @type {Set<Socket>} */
  const sockets = new Set();
  /** @param {Socket} one @param {Socket} other */
  const pipe = (one, other) => {
    sockets.add(one);
    one.on("error", () => other.destroy());
    one.on("close", () => {
      sockets.delete(one);
      other.destroy();
    });
    one.pipe(other);
  };
  const server = createServer((near) => {
    if (isCut) return void near.destroy();
    const far = connect(Number(target.port), target.hostname);
    pipe(near, far);
    pipe(far, near);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const drop = () => sockets.forEach((socket) => socket.destroy());
  return {
    url: `http://127.0.0.1:${/** @type {AddressInfo} */ (server.address()).port}`,
    /** From now on nothing comes through. */
    cut() {
      isCut = true;
      drop();
    },
    mend() {
      isCut = false;
    },
    /** Leads to another server, whose connections are new. @param {string} to */
    lead(to) {
      target = new URL(to);
      drop();
    },
    stop() {
      drop();
      return new Promise((resolve) => server.close(() => resolve(undefined)));
    },
  };
}
