/**
 * What stands between a browser and owt, and writes down what passes. It passes requests on as they
 * are; or, to show that a refusal comes from what the browser says of itself, without that evidence.
 */

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, request as httpsRequest } from 'node:https';
import type { Server as NetServer, Socket } from 'node:net';
import type { Certificate } from './certificate.ts';
import { close, listen } from './listening.ts';

/** A request that came through, and what owt said to it. */
export interface Seen {
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly status: number;
  /** The code of owt's refusal; empty for the answer of an adaptor. */
  readonly error: string;
}

/** An origin that owt allows on loopback. */
const ALLOWED = 'http://localhost:1';

/** What browsers say of where a request comes from, beside `Host` and `Origin`. */
const EVIDENCE =
  /^(sec-.*|purpose|x-purpose|x-moz|referer|user-agent|upgrade-insecure-requests|accept.*)$/;

export class Tap {
  readonly seen: Seen[] = [];
  readonly #server: NetServer;
  readonly #owt: string;
  readonly #isBlind: boolean;
  port = 0;

  private constructor(owt: string, isBlind: boolean, certificate?: Certificate) {
    this.#owt = owt;
    this.#isBlind = isBlind;
    const answer = (request: IncomingMessage, response: ServerResponse): void =>
      this.#pass(request, response);
    this.#server =
      certificate === undefined ? createServer(answer) : createTlsServer(certificate, answer);
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket) =>
      this.#upgrade(request, socket),
    );
  }

  /** Passes requests on to an owt; one that is blind takes the evidence out of them. */
  static async before(owt: string, isBlind: boolean, certificate?: Certificate): Promise<Tap> {
    const tap = new Tap(owt, isBlind, certificate);
    tap.port = await listen(tap.#server);
    return tap;
  }

  stop(): Promise<void> {
    return close(this.#server);
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const passed = this.#request(request, (answer) => {
      const headers = { ...answer.headers };
      if (this.#isBlind && request.headers.origin !== undefined) {
        headers['access-control-allow-origin'] = request.headers.origin;
      }
      response.writeHead(answer.statusCode ?? 0, headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    request.on('error', () => passed.destroy());
    request.pipe(passed);
  }

  /** owt knows no WebSocket: it takes the request for a call, or refuses it. */
  #upgrade(request: IncomingMessage, socket: Socket): void {
    socket.on('error', () => socket.destroy());
    const passed = this.#request(request, (answer) => {
      answer.resume();
      socket.end(`HTTP/1.1 ${answer.statusCode} Refused\r\nContent-Length: 0\r\n\r\n`);
    });
    passed.on('error', () => socket.destroy());
    passed.end();
  }

  #request(request: IncomingMessage, answered: (answer: IncomingMessage) => void) {
    const { method = '', url = '', headers } = request;
    const options: RequestOptions = { method, headers: this.#headers(request), agent: false };
    const send = this.#owt.startsWith('https:') ? httpsRequest : httpRequest;
    return send(new URL(url, this.#owt), { ...options, ...UNCHECKED }, (answer) => {
      const { pathname } = new URL(url, this.#owt);
      const [status, error] = [answer.statusCode ?? 0, String(answer.headers['owt-error'] ?? '')];
      this.seen.push({ path: pathname.slice(1), method, headers, status, error });
      answered(answer);
    });
  }

  #headers(request: IncomingMessage): string[] {
    const pairs: [string, string][] = [];
    for (let at = 0; at < request.rawHeaders.length; at += 2) {
      pairs.push([request.rawHeaders[at] ?? '', request.rawHeaders[at + 1] ?? '']);
    }
    return pairs.flatMap(([name, value]) => this.#header(name, value));
  }

  #header(name: string, value: string): string[] {
    const key = name.toLowerCase();
    if (!this.#isBlind) return [name, value];
    if (key === 'host') return [name, 'localhost'];
    if (key === 'origin') return [name, ALLOWED];
    return EVIDENCE.test(key) ? [] : [name, value];
  }
}

const UNCHECKED = { rejectUnauthorized: false };
