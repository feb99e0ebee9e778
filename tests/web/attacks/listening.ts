/** Servers of tests: on a free port of this machine, and gone afterwards. */

import { Server as HttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';

/** Listens, and gives the port. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return (server.address() as AddressInfo).port;
}

export async function close(server: Server): Promise<void> {
  const closed = new Promise((closed) => server.close(closed));
  if ('closeAllConnections' in server) (server as HttpServer).closeAllConnections();
  await closed;
}
