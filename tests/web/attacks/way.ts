/** A way in which a page has its browser send a request, and what a page is made of. */

/** What a way is to request, and who can help. */
export interface Aim {
  /** A URL that runs the adaptor. */
  readonly url: string;
  /** The same server without the query: for what brings the envelope in a body. */
  readonly bare: string;
  /** The adaptor in base64. */
  readonly code: string;
  /** The same URL under the name of the hostile page, as after DNS rebinding. */
  readonly rebound: string;
  /** A URL of the hostile site that redirects to `url` with a status. */
  redirect(status?: number): string;
  /** A URL of the hostile site that answers with this document and these headers. */
  page(html: string, headers?: Record<string, string>): string;
}

export interface Way {
  readonly name: string;
  /** HTML that sends the request by itself. */
  readonly html: (aim: Aim) => string;
  /** Headers of the page that the HTML is in; such a way has a page of its own. */
  readonly headers?: (aim: Aim) => Record<string, string>;
}

/** Fills a table of ways: its keys are their names. */
export function ways(table: Record<string, Way['html']>): Way[] {
  return Object.entries(table).map(([name, html]) => ({ name, html }));
}

/** A script that runs by itself, and whose failure stops nothing. */
export function script(code: string): string {
  return `<script>(async () => { ${code} })().catch(() => {});</script>`;
}

/** Text as JavaScript writes it, also inside of a script element. */
export function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('<', '\\u003c');
}

/** Text as an attribute in double quotes writes it. */
export function attribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}

/** A frame with a document of its own. */
export function frame(html: string, attributes = ''): string {
  return `<iframe ${attributes} srcdoc="${attribute(html)}"></iframe>`;
}

/** A form that sends itself. */
export function form(attributes: string, fields: Record<string, string>, target = ''): string {
  const inputs = Object.entries(fields).map(
    ([name, value]) => `<input type=hidden name="${name}" value="${attribute(value)}">`,
  );
  return `<form ${attributes} ${target && `target="${target}"`}>${inputs.join('')}</form>
<script>document.currentScript.previousElementSibling.submit();</script>`;
}

/** A link that is clicked. */
export function link(attributes: string): string {
  return `<a ${attributes}>link</a><script>document.currentScript.previousElementSibling.click();</script>`;
}
