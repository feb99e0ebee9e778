/** One browser that tries every way against one server. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser, Page } from 'puppeteer-core';
import { EVIL, type Site } from './site.ts';
import type { Seen, Tap } from './tap.ts';
import { ALONE, SHARED, SPECULATION, TYPED } from './table.ts';
import { type Aim, quoted, type Way } from './way.ts';

/** What became of a way. */
export interface Outcome {
  /** Whether it has run code. */
  readonly hasRun: boolean;
  /** Its requests; none if the browser has sent nothing. */
  readonly seen: Seen[];
}

/** What an attack is made from, and on. */
export interface Means {
  readonly site: Site;
  /** The origin of the hostile pages. */
  readonly from: string;
  /** The origin of owt, which is behind the tap. */
  readonly base: string;
  readonly tap: Tap;
  /** The folder in which each call that is run leaves a file. */
  readonly traces: string;
  /** A user and a password that the browser has used before. */
  readonly password?: string | undefined;
}

/** How long nothing may come until an attack is over, and how long it may last, in milliseconds. */
const QUIET = 500;
const LONGEST = 40_000;

const TRIES = 3;

const LOOK = 50;

export class Attack {
  readonly #means: Means;
  readonly #ways: Way[];

  /** Prepares these ways. */
  constructor(means: Means, ways: Way[]) {
    this.#means = means;
    this.#ways = ways;
  }

  /** Tries all ways; those that are expected are waited for. */
  async run(browser: Browser, expected: ReadonlySet<string>): Promise<Map<string, Outcome>> {
    // Chromium fetches nothing ahead from where it has a cookie, and cookies are those of all ports.
    await browser.deleteCookie(...(await browser.cookies()));
    if (this.#means.password !== undefined) await this.#logIn(browser, this.#means.password);
    await this.#show(browser, this.#of(SHARED), expected);
    // Only a page that is seen, and alone, has its rules followed; a browser that is busy may not do it at once.
    for (let tries = 0; tries < TRIES; tries += 1) {
      if (await this.#show(browser, this.#of(SPECULATION), expected)) break;
    }
    await this.#open(browser, this.#of(ALONE), expected);
    await this.#type(browser, this.#of(TYPED), expected);
    await closePages(browser);
    return new Map(this.#ways.map((way) => [way.name, this.#outcome(way)]));
  }

  #of(group: Way[]): Way[] {
    return group.filter((way) => this.#ways.includes(way));
  }

  /** Has the browser remember a user and a password for the server. */
  async #logIn(browser: Browser, password: string): Promise<void> {
    const page = await browser.newPage();
    const url = new URL('/_owt/health', this.#means.base);
    await load(page, url.href.replace('://', `://${password}@`));
    await load(page, url.href);
  }

  /** Shows one page with all of these in it. */
  async #show(browser: Browser, ways: Way[], expected: ReadonlySet<string>): Promise<boolean> {
    const parts = ways.map((way) => `<p>${way.name}${way.html(this.#aim(way))}</p>`);
    await this.#visit(browser, `<!doctype html><body>${parts.join('\n')}`);
    return this.#settle(ways, expected);
  }

  /** Opens a window for each of these. */
  async #open(browser: Browser, ways: Way[], expected: ReadonlySet<string>): Promise<void> {
    const windows = ways.map((way) => {
      const aim = this.#aim(way);
      return this.#add(`<!doctype html><body>${way.html(aim)}`, way.headers?.(aim));
    });
    const opener = windows.map((url) => `open(${quoted(url)});`).join('\n');
    await this.#visit(browser, `<script>${opener}</script>`);
    await this.#settle(ways, expected, windows);
  }

  /** Opens addresses as if the user had typed them. */
  async #type(browser: Browser, ways: Way[], expected: ReadonlySet<string>): Promise<void> {
    for (const way of ways) {
      void load(await browser.newPage(), way.html(this.#aim(way))).catch(() => {});
    }
    await this.#settle(ways, expected);
  }

  async #visit(browser: Browser, html: string): Promise<void> {
    // Some of what a page asks for never comes, so it is not waited for.
    void load(await browser.newPage(), this.#add(html)).catch(() => {});
  }

  #add(html: string, headers?: Record<string, string>): string {
    return this.#means.from + this.#means.site.add(html, headers);
  }

  #aim(way: Way): Aim {
    const { base, from, traces } = this.#means;
    const source = `lambda request: open(${quoted(traces)} + request.path, 'w').close()`;
    const code = Buffer.from(source).toString('base64url');
    const bare = `${base}/${slug(way)}`;
    const url = `${bare}?code_b64=${code}`;
    const rebound = new URL(url);
    rebound.hostname = EVIL;
    return {
      url,
      bare,
      code,
      rebound: rebound.href,
      redirect: (status = 302) => `${from}/redirect/${status}?${new URLSearchParams({ to: url })}`,
      page: (html, headers) => this.#add(html, headers),
    };
  }

  /** Waits until these pages have been loaded, what is expected has come, and nothing more comes; not for ever. */
  async #settle(
    ways: Way[],
    expected: ReadonlySet<string>,
    pages: string[] = [],
  ): Promise<boolean> {
    const { site, tap } = this.#means;
    const wanted = ways.filter(({ name }) => expected.has(name)).map(slug);
    const paths = pages.map((url) => new URL(url).pathname);
    const isComplete = (): boolean =>
      wanted.every((path) => tap.seen.some((seen) => seen.path === path)) &&
      paths.every((path) => site.served.has(path));
    const end = Date.now() + LONGEST;
    let [count, since] = [0, Date.now()];
    while (Date.now() < end && Date.now() - since < QUIET) {
      await pause(LOOK);
      const now = tap.seen.length + site.served.size;
      if (now > count || !isComplete()) [count, since] = [now, Date.now()];
    }
    return isComplete();
  }

  #outcome(way: Way): Outcome {
    const { tap, traces } = this.#means;
    const seen = tap.seen.filter(({ path }) => path === slug(way));
    return { hasRun: existsSync(join(traces, slug(way))), seen };
  }
}

/** Closes all windows; a browser without one would end. */
async function closePages(browser: Browser): Promise<void> {
  const pages = await browser.pages();
  await browser.newPage();
  await Promise.all(pages.map((page) => page.close().catch(() => {})));
}

async function load(page: Page, url: string): Promise<void> {
  await page.goto(url, { waitUntil: 'domcontentloaded', timeout: LONGEST });
}

function slug(way: Way): string {
  return way.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}
