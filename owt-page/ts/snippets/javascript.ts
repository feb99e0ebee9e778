/** A request as JavaScript makes it with `fetch`. */

import type { Plan } from './plan.js';

export function javascript(plan: Plan): string {
  const options = optionsOf(plan);
  const call =
    options === '' ? `fetch(${text(plan.url)})` : `fetch(${text(plan.url)}, {\n${options}})`;
  return `const response = await ${call};\nconsole.log(await response.text());\n`;
}

function optionsOf({ method, fields, files, json }: Plan): string {
  const lines = method === 'GET' ? [] : [`  method: ${text(method)},\n`];
  if (json !== undefined) {
    lines.push(`  headers: { 'content-type': 'application/json' },\n  body: ${text(json)},\n`);
  } else if (files.length > 0) {
    lines.push('  body: form, // a FormData with the fields and files:\n');
    for (const [name, value] of fields)
      lines.push(`  // form.append(${text(name)}, ${text(value)})\n`);
    for (const [name, file] of files)
      lines.push(`  // form.append(${text(name)}, file) // ${text(file)}\n`);
  } else if (fields.length > 0) {
    const pairs = fields.map(([name, value]) => `    ${name}: ${text(value)},\n`).join('');
    lines.push(`  body: new URLSearchParams({\n${pairs}  }),\n`);
  }
  return lines.join('');
}

function text(value: string): string {
  return `'${value.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n')}'`;
}
