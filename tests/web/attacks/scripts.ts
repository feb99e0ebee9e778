/** Ways of scripts: what a page sends by itself, from workers, and from frames of other origins. */

import { form, frame, link, quoted, script, type Way, ways } from './way.ts';

const run = (code: (url: string) => string): Way['html'] => {
  return ({ url }) => script(code(quoted(url)));
};

/** A worker of the page's own origin that runs a script. */
const worker = (kind: string, code: (url: string) => string): Way['html'] => {
  return ({ url, page }) => {
    const source = page(code(quoted(url)), { 'content-type': 'text/javascript' });
    return script(`new ${kind}(${quoted(source)}); await new Promise(() => {});`);
  };
};

const serviceWorker = (code: (url: string) => string): Way['html'] => {
  return ({ url, page }) => {
    const source = page(code(quoted(url)), { 'content-type': 'text/javascript' });
    const scope = new URL(source).pathname;
    return script(
      `await navigator.serviceWorker.register(${quoted(source)}, { scope: '${scope}' });`,
    );
  };
};

const NO_CORS = `{ mode: 'no-cors', credentials: 'include' }`;

export const SCRIPTS: Way[] = [
  ...ways({
    fetch: run((url) => `await fetch(${url});`),
    'fetch with credentials': run((url) => `await fetch(${url}, { credentials: 'include' });`),
    'fetch no-cors': run((url) => `await fetch(${url}, ${NO_CORS});`),
    'fetch no-cors, no referrer': run(
      (url) => `await fetch(${url}, { mode: 'no-cors', referrerPolicy: 'no-referrer' });`,
    ),
    'fetch no-cors HEAD': run((url) => `await fetch(${url}, { mode: 'no-cors', method: 'HEAD' });`),
    'fetch no-cors POST': run(
      (url) => `await fetch(${url}, { mode: 'no-cors', method: 'POST', body: 'x' });`,
    ),
    'fetch no-cors form': ({ bare, code }) =>
      script(
        `await fetch(${quoted(bare)}, { mode: 'no-cors', method: 'POST', body: new URLSearchParams({ code_b64: ${quoted(code)} }) });`,
      ),
    'fetch JSON': ({ bare, code }) =>
      script(
        `await fetch(${quoted(bare)}, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ code_b64: ${quoted(code)} }) });`,
      ),
    'fetch PUT': run((url) => `await fetch(${url}, { method: 'PUT' });`),
    'fetch DELETE': run((url) => `await fetch(${url}, { method: 'DELETE' });`),
    'fetch with an agent of its own': run(
      (url) => `await fetch(${url}, { headers: { 'user-agent': 'curl/8' } });`,
    ),
    'fetch keepalive': run((url) => `await fetch(${url}, { mode: 'no-cors', keepalive: true });`),
    'fetch later': run((url) => `fetchLater(${url}, { activateAfter: 0 });`),
    'fetch redirected': ({ redirect }) => script(`await fetch(${quoted(redirect())}, ${NO_CORS});`),
    'fetch POST redirected': ({ redirect }) =>
      script(
        `await fetch(${quoted(redirect(307))}, { mode: 'no-cors', method: 'POST', body: 'x' });`,
      ),
    'fetch rebound': ({ rebound }) => script(`await fetch(${quoted(rebound)}, ${NO_CORS});`),
    'fetch rebound with an agent of its own': ({ rebound }) =>
      script(`await fetch(${quoted(rebound)}, { headers: { 'user-agent': 'curl/8' } });`),
    'fetch with targetAddressSpace': run(
      (url) => `await fetch(${url}, { mode: 'no-cors', targetAddressSpace: 'loopback' });`,
    ),
    XMLHttpRequest: run(
      (url) =>
        `const x = new XMLHttpRequest(); x.open('GET', ${url}); x.withCredentials = true; x.send();`,
    ),
    'XMLHttpRequest POST': run(
      (url) => `const x = new XMLHttpRequest(); x.open('POST', ${url}); x.send(new FormData());`,
    ),
    sendBeacon: run((url) => `navigator.sendBeacon(${url});`),
    'sendBeacon JSON': run(
      (url) => `navigator.sendBeacon(${url}, new Blob(['{}'], { type: 'application/json' }));`,
    ),
    EventSource: run((url) => `new EventSource(${url}, { withCredentials: true });`),
    WebSocket: run((url) => `new WebSocket(${url}.replace('http', 'ws'));`),
    Image: run((url) => `new Image().src = ${url};`),
    FontFace: run((url) => `await new FontFace('y', 'url(' + ${url} + ')').load();`),
    'import()': run((url) => `await import(${url});`),
    'import() of JSON': run((url) => `await import(${url}, { with: { type: 'json' } });`),
    'import() of CSS': run((url) => `await import(${url}, { with: { type: 'css' } });`),
    'audio worklet': run((url) => `await new AudioContext().audioWorklet.addModule(${url});`),
    'paint worklet': run((url) => `await CSS.paintWorklet.addModule(${url});`),
    'cache storage': run(
      (url) => `await (await caches.open('x')).add(new Request(${url}, { mode: 'no-cors' }));`,
    ),
    'streamed WebAssembly': run((url) => `await WebAssembly.compileStreaming(fetch(${url}));`),
    'payment request': run(
      (url) =>
        `const total = { label: 'x', amount: { currency: 'EUR', value: '1' } };
         const pay = new PaymentRequest([{ supportedMethods: ${url} }], { total });
         await Promise.allSettled([pay.canMakePayment(), pay.hasEnrolledInstrument()]);`,
    ),
    'identity provider': run(
      (url) =>
        `await navigator.credentials.get({ identity: { mode: 'passive', providers: [{ configURL: ${url}, clientId: 'x' }] } });`,
    ),
    ping: ({ url }) => link(`href="#" ping="${url}"`),
  }),
  ...ways({
    worker: worker('Worker', (url) => `fetch(${url}, ${NO_CORS});`),
    'worker importScripts': worker('Worker', (url) => `importScripts(${url});`),
    'shared worker': worker('SharedWorker', (url) => `fetch(${url}, ${NO_CORS});`),
    'service worker': serviceWorker(
      (url) => `oninstall = (event) => event.waitUntil(fetch(${url}, ${NO_CORS}));`,
    ),
    'background fetch': ({ url, page }) => {
      const source = page('', { 'content-type': 'text/javascript' });
      return script(
        `const scope = '${new URL(source).pathname}';
         const worker = await navigator.serviceWorker.register(${quoted(source)}, { scope });
         const ready = () => worker.active ?? new Promise((then) => setTimeout(then, 50)).then(ready);
         await ready();
         await worker.backgroundFetch.fetch('x', [${quoted(url)}]);`,
      );
    },
    'service worker importScripts': serviceWorker((url) => `importScripts(${url});`),
    'blob worker': ({ url }) =>
      script(
        `new Worker(URL.createObjectURL(new Blob([${quoted(`fetch(${quoted(url)}, ${NO_CORS})`)}])));`,
      ),
  }),
  ...ways({
    'sandboxed fetch': ({ url }) =>
      frame(script(`await fetch(${quoted(url)}, ${NO_CORS});`), 'sandbox=allow-scripts'),
    'sandboxed fetch POST': ({ url }) =>
      frame(
        script(`await fetch(${quoted(url)}, { mode: 'no-cors', method: 'POST' });`),
        'sandbox=allow-scripts',
      ),
    'sandboxed form': ({ url }) =>
      frame(form(`method=post action="${url}"`, {}), 'sandbox="allow-scripts allow-forms"'),
    'sandboxed link': ({ url }) => frame(link(`href="${url}"`), 'sandbox="allow-scripts"'),
    'data frame': ({ url }) => {
      const html = script(`await fetch(${quoted(url)}, ${NO_CORS});`);
      return `<iframe src="data:text/html;base64,${Buffer.from(html).toString('base64')}"></iframe>`;
    },
    'data frame link': ({ url }) => {
      const html = link(`href="${url}"`);
      return `<iframe src="data:text/html;base64,${Buffer.from(html).toString('base64')}"></iframe>`;
    },
    'blob frame': ({ url }) =>
      script(
        `const frame = document.createElement('iframe');
         frame.src = URL.createObjectURL(new Blob([${quoted(`<img src="${url}">`)}], { type: 'text/html' }));
         document.body.append(frame);`,
      ),
    'blank frame': ({ url }) =>
      script(
        `const frame = document.createElement('iframe');
         document.body.append(frame);
         frame.contentDocument.write(${quoted(`<img src="${url}">`)});`,
      ),
    'javascript frame': ({ url }) =>
      script(
        `const frame = document.createElement('iframe');
         frame.src = 'javascript:' + encodeURIComponent(${quoted(`fetch(${quoted(url)}, ${NO_CORS})`)});
         document.body.append(frame);`,
      ),
    'location of a frame': ({ url }) =>
      frame(`<script>location = ${quoted(url)}</script>`, 'sandbox=allow-scripts'),
    'form GET': (aim) => framed(aim.bare, 'method=get', { code_b64: aim.code }),
    'form POST': (aim) => framed(aim.bare, 'method=post', { code_b64: aim.code }),
    'form POST text/plain': (aim) => framed(aim.url, 'method=post enctype=text/plain', { a: 'b' }),
    'form POST multipart': (aim) =>
      framed(aim.bare, 'method=post enctype=multipart/form-data', { code_b64: aim.code }),
    'form POST redirected': (aim) => framed(aim.redirect(307), 'method=post', { a: 'b' }),
  }),
];

/** A form that sends itself into a frame. */
function framed(action: string, attributes: string, fields: Record<string, string>): string {
  const target = `frame-${Math.random()}`;
  return `<iframe name="${target}"></iframe>${form(`action="${action}" ${attributes}`, fields, target)}`;
}
