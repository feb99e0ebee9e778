/** A real browser, and a server of pages for it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import CHROMIUM from '../../chromium.json' with { type: 'json' };

const MEDIA_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.py': 'text/x-python; charset=utf-8',
};

/** A browser that nobody has used before. */
export class Browser {
  readonly context: BrowserContext;
  readonly #profile: string;

  private constructor(context: BrowserContext, profile: string) {
    this.context = context;
    this.#profile = profile;
  }

  static async start(...flags: string[]): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), 'owt-chromium-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM.program,
      headless: true,
      args: [...CHROMIUM.flags, ...flags],
    });
    return new Browser(context, profile);
  }

  async stop(): Promise<void> {
    await this.context.close();
    rmSync(this.#profile, { recursive: true, force: true });
  }
}

/** A server of files: given ones, or those of a folder. */
export class Pages {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Serves the files that `find` has for a path, and nothing else. */
  static async start(find: (path: string) => Promise<string | Buffer | undefined>): Promise<Pages> {
    const server = createServer(async (request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost');
      const path = pathname === '/' ? '/index.html' : pathname;
      const body = await find(path).catch(() => undefined);
      response.writeHead(body === undefined ? 404 : 200, {
        'content-type': MEDIA_TYPES[extname(path)] ?? 'text/plain',
      });
      response.end(body);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return new Pages(server);
  }

  static ofFolder(folder: string): Promise<Pages> {
    return Pages.start((path) => readFile(join(folder, path)));
  }

  static ofFiles(files: Record<string, string>): Promise<Pages> {
    return Pages.start(async (path) => files[path.slice(1)]);
  }

  get url(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }
}
