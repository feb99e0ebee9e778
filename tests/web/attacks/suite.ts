/** Hostile pages in real browsers, against real servers: whatever they try, no code runs. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'puppeteer-core';
import { Attack, type Outcome } from './attack.ts';
import { BOX, type BrowserName, start } from './browsers.ts';
import { type Certificate, certificate } from './certificate.ts';
import { EVIL, Site } from './site.ts';
import { bringsPassword, expected, WAYS } from './table.ts';
import { type Seen, Tap } from './tap.ts';
import { Server } from '../harness/server.ts';

/** A user, and the password that the browser knows. */
const PASSWORD = 'ann:secret';
const BASIC = `Basic ${Buffer.from(PASSWORD).toString('base64')}`;

/** The same, as the server knows it. */
const ANN = 'ann:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b';

/** A server, and the site whose pages attack it. */
interface Scene {
  readonly options?: string[];
  readonly scheme?: 'https';
  readonly host?: string;
  /** Whether the browser knows a password for it. */
  readonly isLoggedIn?: boolean;
  readonly from: (site: Site) => string;
  /** The names of the ways that are tried; all unless it says so. */
  readonly only?: string[];
  /** Whether owt does not see what browsers say of where a request comes from. */
  readonly isBlind?: boolean;
}

const HTTPS: Scene = { scheme: 'https', from: (site) => site.origin('https') };

const NAMED = ['--allow-host', BOX];

const ATTACKS: Record<string, Scene> = {
  'on a server on loopback': { from: (site) => site.origin('http') },
  'on a server with HTTPS': HTTPS,
  'on a name over plain HTTP': {
    options: NAMED,
    host: BOX,
    from: (site) => site.origin('http'),
  },
  'with a cached password, on a name over plain HTTP': {
    options: ['--auth', ANN, ...NAMED],
    host: BOX,
    isLoggedIn: true,
    from: (site) => site.origin('http'),
  },
  'with a cached password, from another port of this machine': {
    options: ['--auth', ANN],
    isLoggedIn: true,
    from: (site) => site.origin('http', 'localhost'),
  },
};

let folder: string;
let own: Certificate;
let site: Site;

/** Has pages in a browser attack all of these servers. */
export function attackIn(name: BrowserName): void {
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'owt-attacks-'));
    own = certificate(folder);
    site = await Site.start(own);
  });
  after(async () => {
    await site.stop();
    rmSync(folder, { recursive: true });
  });

  describe(`pages in ${name}`, () => {
    let browser: Browser;
    let stop: () => Promise<void>;

    before(async () => {
      [browser, stop] = await start(name);
    });
    after(() => stop());

    test('run code in every way, where owt does not see what the browser says', async () => {
      const scene = { ...HTTPS, isBlind: true };
      const outcomes = await attack(name, browser, scene);
      const idle = [...outcomes].filter(([, { hasRun }]) => !hasRun).map(([way]) => way);
      const awaited = [...awaitedBy(name, scene)].filter((way) => !PREFLIGHT_ONLY.includes(way));
      assert.deepEqual(
        idle.filter((way) => awaited.includes(way)),
        [],
      );
    });

    for (const [title, scene] of Object.entries(ATTACKS)) {
      test(`run none ${title}`, async () => {
        const outcomes = await attack(name, browser, scene);
        assert.deepEqual(ran(outcomes), []);
        assert.deepEqual(unsent(outcomes, awaitedBy(name, scene)), []);
        assert.deepEqual(unexplained(outcomes), []);
        // A refusal of what brings no password would prove nothing.
        if (scene.isLoggedIn) assert.deepEqual(anonymous(outcomes, name, scene), []);
      });
    }

    test('of a listed origin run code where they say that it is theirs', async () => {
      const scene = {
        options: ['--allow-origin', site.origin('http')],
        from: (site: Site) => site.origin('http'),
        only: ['fetch', 'fetch JSON', 'form POST', 'EventSource', 'img', 'iframe', 'rebound img'],
      };
      const outcomes = await attack(name, browser, scene);
      assert.deepEqual(ran(outcomes), ['fetch', 'fetch JSON', 'EventSource', 'form POST']);
    });

    test('of another port run code where there is no password', async () => {
      const only = ['img', 'fetch', 'form POST'];
      const from = (site: Site): string => site.origin('http', 'localhost');
      assert.deepEqual(ran(await attack(name, browser, { only, from })), only);
    });
  });
}

async function attack(
  name: BrowserName,
  browser: Browser,
  scene: Scene,
): Promise<Map<string, Outcome>> {
  const [scheme, tls] = [scene.scheme ?? 'http', scene.scheme && own];
  const server = await Server.start(...(scene.options ?? []), ...(tls?.options ?? []));
  const tap = await Tap.before(`${scheme}://localhost:${server.port}`, scene.isBlind ?? false, tls);
  try {
    const base = `${scheme}://${scene.host ?? 'localhost'}:${tap.port}`;
    const traces = mkdtempSync(join(folder, 'traces-'));
    const password = scene.isLoggedIn ? PASSWORD : undefined;
    const means = { site, from: scene.from(site), base, tap, traces, password };
    const ways = WAYS.filter(({ name }) => scene.only?.includes(name) ?? true);
    return await new Attack(means, ways).run(browser, awaitedBy(name, scene));
  } finally {
    await tap.stop();
    await server.stop();
  }
}

/** What is only asked for by a preflight, which runs nothing. */
const PREFLIGHT_ONLY = ['sendBeacon JSON'];

/** What frames without an origin do, which Firefox does not always get to where passwords are asked for. */
const OPAQUE = [
  'sandboxed fetch',
  'sandboxed fetch POST',
  'sandboxed form',
  'sandboxed link',
  'data frame',
  'data frame link',
  'location of a frame',
];

function awaitedBy(name: BrowserName, scene: Scene): Set<string> {
  const from = scene.from(site);
  const isSecure = from.startsWith('https') || !from.includes(EVIL);
  const awaited = expected(name, { isSecure }, { isSecure: scene.host === undefined });
  if (name === 'firefox' && scene.isLoggedIn) OPAQUE.forEach((way) => awaited.delete(way));
  return awaited;
}

function ran(outcomes: Map<string, Outcome>): string[] {
  return [...outcomes].filter(([, { hasRun }]) => hasRun).map(([way]) => way);
}

function unsent(outcomes: Map<string, Outcome>, awaited: Set<string>): string[] {
  return [...awaited].filter((way) => outcomes.get(way)?.seen.length === 0);
}

/** The ways that have not brought the password that the browser knows, though they can. */
function anonymous(outcomes: Map<string, Outcome>, name: BrowserName, scene: Scene): string[] {
  const isSameSite = !scene.from(site).includes(EVIL);
  const bringing = [...awaitedBy(name, scene)].filter((way) => bringsPassword(way, isSameSite));
  const isBrought = ({ headers }: Seen): boolean => headers.authorization === BASIC;
  return bringing.filter((way) => !outcomes.get(way)?.seen.some(isBrought));
}

/** The refusals that are not those of the rule that is to stop such a request. */
function unexplained(outcomes: Map<string, Outcome>): string[] {
  return [...outcomes].flatMap(([way, { seen }]) =>
    seen.filter((seen) => !isExplained(seen)).map(({ error }) => `${way}: ${error}`),
  );
}

function isExplained({ headers, error }: Seen): boolean {
  if (headers.host?.startsWith(EVIL)) return error === 'host-not-allowed';
  if (error === 'auth-required') return !headers.authorization;
  if (headers['sec-purpose'] !== undefined) return error === 'cross-site';
  if (headers.origin !== undefined) return error === 'origin-not-allowed';
  const isAsked =
    headers['sec-fetch-site'] === undefined || headers['sec-fetch-dest'] === 'document';
  return error === (isAsked ? 'confirmation-required' : 'cross-site');
}
