/** Ways that take a page of their own: what a whole page has, its headers, and what is fetched ahead of its user. */

import { immediately } from './speculation.ts';
import { attribute, type Way, ways } from './way.ts';

const rel = (rel: string, more = ''): Way['html'] => {
  return ({ url }) => `<link rel="${rel}" href="${attribute(url)}" ${more}>`;
};

export const PAGES: Way[] = [
  ...ways({
    'link icon': rel('icon'),
    'link apple-touch-icon': rel('apple-touch-icon'),
    'link manifest': rel('manifest'),
    'link manifest with credentials': rel('manifest', 'crossorigin=use-credentials'),
    'link search': rel('search', 'type=application/opensearchdescription+xml title=x'),
    'link prerender': rel('prerender'),
    'link next': rel('next'),
  }),
  {
    name: 'header Link preload',
    html: () => '',
    headers: ({ url }) => ({ link: `<${url}>; rel=preload; as=script` }),
  },
  {
    name: 'header Link stylesheet',
    html: () => '',
    headers: ({ url }) => ({ link: `<${url}>; rel=stylesheet` }),
  },
  {
    name: 'header Speculation-Rules',
    html: () => '',
    headers: ({ page, url }) => ({
      'speculation-rules': `"${page(JSON.stringify({ prefetch: [immediately(url)] }), {
        'content-type': 'application/speculationrules+json',
        'access-control-allow-origin': '*',
      })}"`,
    }),
  },
  {
    name: 'header Refresh of a frame',
    html: () => '',
    headers: ({ url }) => ({ refresh: `0;url=${url}` }),
  },
  {
    name: 'header CSP report-uri',
    html: () => '<img src="data:,">',
    headers: ({ url }) => ({ 'content-security-policy': `img-src 'none'; report-uri ${url}` }),
  },
  {
    name: 'header CSP report-to',
    html: () => '<img src="data:,">',
    headers: ({ url }) => ({
      'reporting-endpoints': `x="${url}"`,
      'content-security-policy': `img-src 'none'; report-to x`,
    }),
  },
  {
    name: 'header NEL',
    html: () => '<img src="/nothing">',
    headers: ({ url }) => ({
      'report-to': JSON.stringify({ group: 'x', max_age: 600, endpoints: [{ url }] }),
      nel: JSON.stringify({
        report_to: 'x',
        max_age: 600,
        success_fraction: 1,
        failure_fraction: 1,
      }),
    }),
  },
];
