/** A request to a named endpoint as Python makes it without any package. */

import type { Plan } from './plan.js';

export function urllib({ method, url, json, files }: Plan): string {
  const text = JSON.stringify;
  const options = [
    ...(json === undefined
      ? []
      : [`data=${text(json)}.encode()`, 'headers={"Content-Type": "application/json"}']),
    ...(method === 'GET' ? [] : [`method=${text(method)}`]),
  ];
  const note =
    files.length > 0
      ? '# Files take a package such as requests: requests.post(url, files=…)\n'
      : '';
  const lines = options.map((option) => `    ${option},\n`).join('');
  return `${note}from urllib.request import Request, urlopen

request = Request(
    ${text(url)},
${lines})
with urlopen(request) as reply:
    print(reply.read().decode())
`;
}
