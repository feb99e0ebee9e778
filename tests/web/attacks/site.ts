/** The hostile site: it answers with whatever an attack asks for, over HTTP and over HTTPS. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server } from 'node:net';
import type { Certificate } from './certificate.ts';
import { close, listen } from './listening.ts';

/** The name that a browser under test looks up, and finds to be this machine. */
export const EVIL = 'evil.example';

interface Document {
  readonly html: string;
  readonly headers: Record<string, string>;
}

export class Site {
  readonly #documents = new Map<string, Document>();
  readonly #servers: Server[] = [];
  #ports = { http: 0, https: 0 };
  /** Which paths were asked for. */
  readonly served = new Set<string>();

  static async start(certificate: Certificate): Promise<Site> {
    const site = new Site();
    const answer = (request: IncomingMessage, response: ServerResponse): void =>
      site.#answer(request, response);
    const [http, https] = [createServer(answer), createTlsServer(certificate, answer)];
    site.#servers.push(http, https);
    site.#ports = { http: await listen(http), https: await listen(https) };
    return site;
  }

  /** The origin of the site under a name. */
  origin(scheme: 'http' | 'https', host = EVIL): string {
    return `${scheme}://${host}:${this.#ports[scheme]}`;
  }

  /** Keeps a document, and gives its path. */
  add(html: string, headers: Record<string, string> = {}): string {
    const path = `/${this.#documents.size}`;
    this.#documents.set(path, { html, headers });
    return path;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map(close));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://site');
    const status = Number(pathname.match(/^\/redirect\/(\d+)$/)?.[1]);
    if (status > 0) {
      response.writeHead(status, {
        location: searchParams.get('to') ?? '',
        'access-control-allow-origin': '*',
      });
      response.end();
      return;
    }
    this.served.add(pathname);
    const found = this.#documents.get(pathname);
    response.writeHead(found === undefined ? 404 : 200, {
      'content-type': 'text/html; charset=utf-8',
      ...found?.headers,
    });
    response.end(found?.html);
  }
}
