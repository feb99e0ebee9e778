// Run: node examples/embeddings/search.mjs 'a person eats a meal' http://localhost:9876
// Searches sentences.json by meaning.

import { readFile } from 'node:fs/promises';

const [query = 'a person eats a meal', url = 'http://localhost:9876'] = process.argv.slice(2);
const read = (name) => readFile(new URL(name, import.meta.url), 'utf8');
const base64 = (text) => Buffer.from(text).toString('base64');

const texts = JSON.parse(await read('sentences.json'));
const answer = await fetch(`${url}/search`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    code_b64: base64(await read('search.py')),
    kwargs_b64: base64(JSON.stringify({ query, texts })),
  }),
});
if (!answer.ok) throw new Error(await answer.text());
for (const { text, score } of await answer.json()) console.log(score.toFixed(2), text);
