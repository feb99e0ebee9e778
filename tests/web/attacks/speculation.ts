/** Rules by which a page has its browser fetch URLs ahead of its user. */

import { attribute, type Way, ways } from './way.ts';

export const immediately = (url: string): Record<string, unknown> => ({
  source: 'list',
  eagerness: 'immediate',
  urls: [url],
});

function speculation(rules: object): string {
  return `<script type=speculationrules>${JSON.stringify(rules)}</script>`;
}

export const SPECULATION: Way[] = ways({
  'speculation prefetch': ({ url }) => speculation({ prefetch: [immediately(url)] }),
  'speculation prefetch without referrer': ({ url }) =>
    speculation({ prefetch: [{ ...immediately(url), referrer_policy: 'no-referrer' }] }),
  'speculation prefetch by a proxy': ({ url }) =>
    speculation({
      prefetch: [{ ...immediately(url), requires: ['anonymous-client-ip-when-cross-origin'] }],
    }),
  'speculation prerender': ({ url }) => speculation({ prerender: [immediately(url)] }),
  'speculation document rules': ({ url }) =>
    `<a href="${attribute(url)}">x</a>${speculation({
      prefetch: [
        { source: 'document', eagerness: 'immediate', where: { href_matches: `*://*:*/*` } },
      ],
    })}`,
  'speculation redirect': ({ redirect }) => speculation({ prefetch: [immediately(redirect())] }),
});
