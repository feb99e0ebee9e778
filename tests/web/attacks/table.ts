/** All ways, and which of them a browser does not use. */

import type { BrowserName } from './browsers.ts';
import { ELEMENTS } from './elements.ts';
import { NAVIGATIONS } from './navigations.ts';
import { PAGES } from './pages.ts';
import { SCRIPTS } from './scripts.ts';
import { SPECULATION } from './speculation.ts';
import { type Way, ways } from './way.ts';

export { SPECULATION };

/** Those that can share a page. */
export const SHARED = [...ELEMENTS, ...SCRIPTS];

/** Those that have a window of their own. */
export const ALONE = [...PAGES, ...NAVIGATIONS];

/** Addresses that the user has typed, or clicked on in a letter: no page has had them opened. */
export const TYPED: Way[] = ways({
  'typed address': ({ url }) => url,
  'typed redirect': ({ redirect }) => redirect(),
  'typed redirect with 307': ({ redirect }) => redirect(307),
});

export const WAYS = [...SHARED, ...SPECULATION, ...ALONE, ...TYPED];

/** What a browser does not send, or not for sure, as far as these versions go; it is tried all the same. */
const NEVER: Record<BrowserName, string[]> = {
  chromium: [
    'img attributionsrc',
    'svg use',
    'xslt',
    'css filter',
    'speculation prefetch by a proxy',
    'link icon',
    'link apple-touch-icon',
    'link manifest',
    'link manifest with credentials',
    'link search',
    'link prerender',
    'link next',
    'header Link stylesheet',
    'header Speculation-Rules',
    'header CSP report-to',
    'header NEL',
    'background fetch',
  ],
  firefox: [
    'img attributionsrc',
    'video playlist',
    'svg use',
    'link prefetch',
    'link preload track',
    'link manifest',
    'link manifest with credentials',
    'link search',
    'link prerender',
    'link next',
    'css cross-fade',
    'css filter',
    'css clip-path',
    'fetch later',
    'paint worklet',
    'payment request',
    'identity provider',
    'background fetch',
    'header Speculation-Rules',
    'header CSP report-to',
    'header NEL',
    ...SPECULATION.map(({ name }) => name),
  ],
};

/** What only pages that came over HTTPS, or from this machine, may do. */
const SECURE = [
  'fetch later',
  'audio worklet',
  'paint worklet',
  'cache storage',
  'payment request',
  'identity provider',
  'service worker',
  'service worker importScripts',
];

/** What fills a window with an answer of the server, which is no other site's then. */
const WINDOWS = [...NAVIGATIONS, ...TYPED]
  .map(({ name }) => name)
  .filter((name) => name !== 'javascript in a blank window');

/** What brings no password to another origin, or to another name than the one that has it. */
const ANONYMOUS = [
  'img crossorigin',
  'track',
  'script module',
  'script crossorigin',
  'xslt',
  'link modulepreload',
  'link compression-dictionary',
  'link preload font',
  'link rebound',
  'css font',
  'css mask',
  'css clip-path',
  'css shape-outside',
  'rebound img',
  'rebound iframe',
  'fetch',
  'fetch no-cors, no referrer',
  'fetch no-cors HEAD',
  'fetch no-cors POST',
  'fetch no-cors form',
  'fetch JSON',
  'fetch PUT',
  'fetch DELETE',
  'fetch with an agent of its own',
  'fetch keepalive',
  'fetch later',
  'fetch POST redirected',
  'fetch rebound',
  'fetch rebound with an agent of its own',
  'fetch with targetAddressSpace',
  'XMLHttpRequest POST',
  'sendBeacon JSON',
  'FontFace',
  'import()',
  'import() of JSON',
  'import() of CSS',
  'audio worklet',
  'paint worklet',
  'cache storage',
  'streamed WebAssembly',
  'payment request',
  'identity provider',
  'sandboxed fetch',
  'sandboxed fetch POST',
  'data frame',
  'header CSP report-uri',
];

/** Whether a way brings a password that the browser has used for the server. */
export function bringsPassword(way: string, isSameSite: boolean): boolean {
  return !ANONYMOUS.includes(way) && (isSameSite || WINDOWS.includes(way));
}

/** The ways of which a browser sends something to a server: a secure one has HTTPS or is this machine. */
export function expected(
  browser: BrowserName,
  page: { isSecure: boolean },
  server: { isSecure: boolean },
): Set<string> {
  const names = new Set(WAYS.map(({ name }) => name));
  const unused = [
    ...NEVER[browser],
    ...(page.isSecure ? [] : [...SECURE, 'speculation redirect']),
    ...(server.isSecure ? [] : SPECULATION.map(({ name }) => name)),
  ];
  unused.forEach((name) => names.delete(name));
  return names;
}
