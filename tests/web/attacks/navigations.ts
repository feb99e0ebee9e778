/** Ways that fill a window: each has one of its own, and ends where it was sent. */

import { attribute, form, link, quoted, type Way, ways } from './way.ts';

const to = (attributes: string): Way['html'] => {
  return ({ url }) => link(`href="${attribute(url)}" ${attributes}`);
};

const run = (code: (url: string) => string): Way['html'] => {
  return ({ url }) => `<script>${code(quoted(url))}</script>`;
};

export const NAVIGATIONS: Way[] = [
  ...ways({
    link: to(''),
    'link noreferrer': to('rel=noreferrer'),
    'link noopener in a new window': to('target=_blank rel=noopener'),
    'link with its whole referrer': to('referrerpolicy=unsafe-url'),
    'link download': to('download'),
    'link redirected': ({ redirect }) => link(`href="${attribute(redirect())}"`),
    'link redirected with 307': ({ redirect }) => link(`href="${attribute(redirect(307))}"`),
    'link rebound': ({ rebound }) => link(`href="${attribute(rebound)}"`),
    location: run((url) => `location = ${url};`),
    'location.replace': run((url) => `location.replace(${url});`),
    'navigation API': run((url) => `navigation.navigate(${url}, { history: 'replace' });`),
    'meta refresh': ({ url }) => `<meta http-equiv=refresh content="0;url=${attribute(url)}">`,
    'meta refresh without referrer': ({ url }) =>
      `<meta name=referrer content=no-referrer><meta http-equiv=refresh content="0;url=${attribute(url)}">`,
    'window.open': run((url) => `open(${url});`),
    'window.open noopener': run((url) => `open(${url}, '_blank', 'noopener');`),
    'window.open noreferrer': run((url) => `open(${url}, '_blank', 'noreferrer');`),
    'blank window': run((url) => `const w = open(''); w.location = ${url};`),
    'javascript in a blank window': run(
      (url) => `open('').document.write('<img src="' + ${url} + '">');`,
    ),
    'window GET': (aim) => form(`action="${aim.bare}"`, { code_b64: aim.code }),
    'window POST': (aim) => form(`method=post action="${aim.bare}"`, { code_b64: aim.code }),
    'window POST text/plain': (aim) =>
      form(`method=post enctype=text/plain action="${aim.url}"`, { a: 'b' }),
    'window POST multipart': (aim) =>
      form(`method=post enctype=multipart/form-data action="${aim.bare}"`, { code_b64: aim.code }),
    'window POST redirected': (aim) =>
      form(`method=post action="${aim.redirect(307)}"`, { a: 'b' }),
    'window POST without referrer': (aim) =>
      `<meta name=referrer content=no-referrer>${form(`method=post action="${aim.bare}"`, { code_b64: aim.code })}`,
    'top from a sandbox': ({ url }) =>
      `<iframe sandbox="allow-scripts allow-top-navigation" srcdoc="${attribute(
        `<script>top.location = ${quoted(url)}</script>`,
      )}"></iframe>`,
    'popup from a sandbox': ({ url }) =>
      `<iframe sandbox="allow-scripts allow-popups" srcdoc="${attribute(
        `<script>open(${quoted(url)})</script>`,
      )}"></iframe>`,
  }),
  {
    name: 'header Refresh',
    html: () => '',
    headers: ({ url }) => ({ refresh: `0;url=${url}` }),
  },
];
