/** Ways of elements, style sheets and headers: what a page loads without a line of script. */

import { attribute, frame, type Way, ways } from './way.ts';

const src = (tag: string, more = ''): Way['html'] => {
  return ({ url }) => `<${tag} src="${attribute(url)}" ${more}></${tag}>`;
};

const rel = (rel: string, more = ''): Way['html'] => {
  return ({ url }) => `<link rel="${rel}" href="${attribute(url)}" ${more}>`;
};

const css = (rule: (url: string) => string): Way['html'] => {
  return ({ url }) => `<style>${rule(`url("${url}")`)}</style>`;
};

/** A style of a box of its own. */
const style = (property: string, value = (url: string) => url): Way['html'] => {
  return ({ url }) =>
    `<div style="width: 9px; height: 9px; ${property}: ${attribute(value(`url("${url}")`))}">x</div>`;
};

const svg = (inner: (url: string) => string): Way['html'] => {
  return ({ url }) => `<svg width=9 height=9>${inner(attribute(url))}</svg>`;
};

export const ELEMENTS: Way[] = [
  ...ways({
    img: src('img'),
    'img srcset': ({ url }) => `<img srcset="${attribute(url)} 1x">`,
    'img crossorigin': src('img', 'crossorigin'),
    'img attributionsrc': ({ url }) => `<img attributionsrc="${attribute(url)}">`,
    picture: ({ url }) => `<picture><source srcset="${attribute(url)}"><img></picture>`,
    'input image': src('input type=image'),
    video: src('video', 'preload=auto'),
    'video poster': ({ url }) => `<video poster="${attribute(url)}"></video>`,
    audio: src('audio', 'preload=auto'),
    'audio source': ({ url }) => `<audio preload=auto><source src="${attribute(url)}"></audio>`,
    'video playlist': ({ url, page }) =>
      `<video autoplay muted src="${attribute(page(playlist(url), { 'content-type': 'application/vnd.apple.mpegurl' }))}"></video>`,
    track: ({ url, page }) =>
      `<video src="${attribute(page(''))}" crossorigin><track default src="${attribute(url)}"></video>`,
    object: ({ url }) => `<object data="${attribute(url)}"></object>`,
    'object of a type': ({ url }) => `<object data="${attribute(url)}" type=image/png></object>`,
    embed: src('embed'),
    'embed of a type': src('embed', 'type=application/pdf'),
    iframe: src('iframe'),
    'iframe sandbox': src('iframe', 'sandbox'),
    'iframe credentialless': src('iframe', 'credentialless'),
    'iframe lazy': src('iframe', 'loading=eager'),
    frameset: ({ url, page }) =>
      `<iframe src="${attribute(page(`<frameset><frame src="${attribute(url)}"></frameset>`))}"></iframe>`,
    script: src('script'),
    'script module': src('script', 'type=module'),
    'script crossorigin': src('script', 'crossorigin'),
    'body background': ({ url }) =>
      frame(`<!doctype html><body background="${attribute(url)}">`, 'width=99'),
    'svg image': svg((url) => `<image href="${url}" width=9 height=9 />`),
    'svg use': svg((url) => `<use href="${url}#a" />`),
    'svg script': svg((url) => `<script href="${url}"></script>`),
    'svg filter': svg(
      (url) =>
        `<filter id=f><feImage href="${url}" /></filter><rect width=9 height=9 filter="url(#f)" />`,
    ),
    'svg document': ({ url, page }) =>
      `<iframe src="${attribute(
        page(
          `<svg xmlns="http://www.w3.org/2000/svg"><image href="${attribute(url)}" width="9" height="9"/></svg>`,
          { 'content-type': 'image/svg+xml' },
        ),
      )}"></iframe>`,
    'xml style sheet': ({ url, page }) =>
      `<iframe src="${attribute(
        page(`<?xml-stylesheet type="text/css" href="${attribute(url)}"?><a/>`, {
          'content-type': 'text/xml',
        }),
      )}"></iframe>`,
    xslt: ({ url, page }) =>
      `<iframe src="${attribute(
        page(`<?xml-stylesheet type="text/xsl" href="${attribute(url)}"?><a/>`, {
          'content-type': 'text/xml',
        }),
      )}"></iframe>`,
    'meta refresh of a frame': ({ url }) =>
      frame(`<meta http-equiv=refresh content="0;url=${attribute(url)}">`),
    'base and a relative image': ({ url }) => {
      const { origin, pathname, search } = new URL(url);
      return frame(`<base href="${origin}"><img src="${attribute(pathname + search)}">`);
    },
  }),
  ...ways({
    'link stylesheet': rel('stylesheet'),
    'link alternate stylesheet': rel('alternate stylesheet', 'title=other'),
    'link prefetch': rel('prefetch'),
    'link modulepreload': rel('modulepreload'),
    'link compression-dictionary': rel('compression-dictionary'),
    'link preload script': rel('preload', 'as=script'),
    'link preload style': rel('preload', 'as=style'),
    'link preload image': rel('preload', 'as=image'),
    'link preload font': rel('preload', 'as=font crossorigin'),
    'link preload fetch': rel('preload', 'as=fetch'),
    'link preload track': rel('preload', 'as=track'),
  }),
  ...ways({
    'css import': css((url) => `@import ${url};`),
    'css font': ({ url }) =>
      `<style>@font-face { font-family: x; src: url("${url}") } b { font-family: x }</style><b>x</b>`,
    'css background': style('background'),
    'css image-set': style('background', (url) => `image-set(${url} 1x)`),
    'css cross-fade': style('background', (url) => `-webkit-cross-fade(${url}, ${url}, 50%)`),
    'css mask': style('mask-image'),
    'css filter': style('filter', (url) => url.replace(/"\)$/, '#f")')),
    'css clip-path': style('clip-path', (url) => url.replace(/"\)$/, '#c")')),
    'css shape-outside': style('float: left; shape-outside'),
    'css border-image': style('border: 3px solid; border-image', (url) => `${url} 3`),
    'css cursor': style('cursor', (url) => `${url}, auto`),
    'css list-style': style('display: list-item; list-style-image'),
    'css content': style('content'),
  }),
  ...ways({
    'redirected img': ({ redirect }) => `<img src="${attribute(redirect())}">`,
    'redirected iframe': ({ redirect }) => `<iframe src="${attribute(redirect())}"></iframe>`,
    'redirected script': ({ redirect }) => `<script src="${attribute(redirect())}"></script>`,
    'redirected link': ({ redirect }) => `<link rel=stylesheet href="${attribute(redirect(307))}">`,
    'rebound img': ({ rebound }) => `<img src="${attribute(rebound)}">`,
    'rebound iframe': ({ rebound }) => `<iframe src="${attribute(rebound)}"></iframe>`,
  }),
];

/** A playlist of HTTP Live Streaming, with one segment. */
function playlist(url: string): string {
  return `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n${url}\n#EXT-X-ENDLIST\n`;
}
