// Run: node examples/digits/exam.mjs http://localhost:9876
// Asks for hundreds of digits at the same time, each with a call of its own.

import { readFile } from 'node:fs/promises';

const url = process.argv[2] ?? 'http://localhost:9876';
const source = await readFile(new URL('digits.py', import.meta.url));

async function call(fn_name, kwargs = {}) {
  const body = JSON.stringify({
    code_b64: source.toString('base64'),
    kwargs_b64: Buffer.from(JSON.stringify(kwargs)).toString('base64'),
    fn_name,
  });
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(`${url}/digits`, { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

const exam = await call('exam');
const answers = await Promise.all(exam.map(({ image }) => call('run', { image })));
const right = answers.filter(({ digit }, index) => digit === exam[index].digit);
console.log(`${right.length} of ${exam.length} digits are right.`);

const { items, batches, largest } = await call('stats');
console.log(`${items} calls have come in ${batches} batches, the largest of ${largest}.`);
