// Run: node examples/languages/hello.mjs http://localhost:9876

import { readFile } from 'node:fs/promises';

const url = process.argv[2] ?? 'http://localhost:9876';

const body = new URLSearchParams({
  code_b64: await readFile('examples/languages/hello.py', 'base64'),
  kwargs_b64: JSON.stringify({ name: 'JavaScript' }),
});
const answer = await fetch(`${url}/hello`, { method: 'POST', body });
if (!answer.ok) throw new Error(await answer.text());
console.log(await answer.text());
