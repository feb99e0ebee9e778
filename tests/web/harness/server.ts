/** A real server: started for tests, and stopped after them. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const GREETING = 'Owt serving on ';

/** The program under test. */
const BINARY = process.env.OWT_BIN ?? join(import.meta.dirname, '../../../target/debug/owt');

/** A server that has said that it answers. */
export class Server {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #home: string;

  private constructor(child: ChildProcess, home: string, url: string) {
    this.#child = child;
    this.#home = home;
    this.url = url;
  }

  /** Starts a server, on a free port unless the options name one. */
  static async start(...options: string[]): Promise<Server> {
    const home = mkdtempSync(join(tmpdir(), 'owt-'));
    const port = options.includes('--port') ? [] : ['--port', '0'];
    const child = spawn(BINARY, ['serve', ...port, ...options], {
      cwd: home,
      env: { HOME: home, PATH: process.env.PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith(GREETING)) {
        return new Server(child, home, `http://${line.slice(GREETING.length).trim()}`);
      }
    }
    throw new Error(`owt has not started, but said:\n${log}`);
  }

  get port(): string {
    return new URL(this.url).port;
  }

  /** Ends the server as its user would. */
  async stop(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await gone;
    rmSync(this.#home, { recursive: true });
  }
}
