/**
 * The parameters of an adaptor's function, read from its text. Nothing is run for it: the server is not
 * asked, and code that is being written need not be complete.
 */

import { pythonLanguage } from '@codemirror/lang-python';
import type { SyntaxNode } from '@lezer/common';
import { type Field, field, type Kind } from './field.js';

/** What a function takes. */
export interface Signature {
  fields: Field[];
  /** Whether it takes arguments of other names. */
  takesOthers: boolean;
  /** The first paragraph of its docstring. */
  summary: string;
}

/** A parameter as it is written. */
interface Parameter {
  name: string;
  annotation: string;
  fallback: string | undefined;
  stars: string;
}

/** What the adaptor's function takes; `undefined` if the text has none that can be read. */
export function signature(source: string, fnName: string): Signature | undefined {
  const text = (node: SyntaxNode) => source.slice(node.from, node.to);
  const found = callable(pythonLanguage.parser.parse(source).topNode, text, fnName);
  const list = found?.getChild('ParamList');
  if (!found || !list) return undefined;
  const all = withoutRequest(parameters(list, text));
  return {
    fields: all.filter(({ stars }) => stars === '').map(toField),
    takesOthers: all.some(({ stars }) => stars === '**'),
    summary: summary(found, text),
  };
}

type Text = (node: SyntaxNode) => string;

/** The function of this name, or the lambda that is the whole code; of several, Python takes the last. */
function callable(top: SyntaxNode, text: Text, fnName: string): SyntaxNode | undefined {
  let found: SyntaxNode | undefined;
  for (let node = top.firstChild; node !== null; node = node.nextSibling) {
    const inner = node.getChild('FunctionDefinition') ?? node;
    const name = inner.getChild('VariableName');
    const isNamed = name !== null && text(name) === fnName;
    if (inner.name === 'FunctionDefinition' && isNamed) found = inner;
    const lambda = node.getChild('LambdaExpression');
    if (lambda !== null && (isNamed || node.name === 'ExpressionStatement')) found = lambda;
  }
  return found;
}

function parameters(list: SyntaxNode, text: Text): Parameter[] {
  const found: Parameter[] = [];
  let stars = '';
  let isDefault = false;
  for (let node = list.firstChild; node !== null; node = node.nextSibling) {
    const last = found.at(-1);
    if (node.name === ',') isDefault = false;
    if (node.name === '/') found.splice(0);
    else if (node.name === '*' || node.name === '**') stars = node.name;
    else if (node.name === 'AssignOp') isDefault = true;
    else if (node.name === 'TypeDef' && last) last.annotation = text(node).replace(/^:\s*/, '');
    else if (isDefault && last) [last.fallback, isDefault] = [text(node), false];
    else if (node.name === 'VariableName') {
      found.push({ name: text(node), annotation: '', fallback: undefined, stars });
      stars = '';
    }
    // A star alone belongs to no parameter.
    if (node.name === ',') stars = '';
  }
  return found;
}

/** Those that arguments can fill: the request goes to the first one by its name or annotation. */
function withoutRequest(all: Parameter[]): Parameter[] {
  const [first, ...rest] = all;
  if (first === undefined || first.stars !== '') return all;
  const isRequest = /^(request|req|r|_.*)$/.test(first.name) || /\bRequest$/.test(first.annotation);
  return isRequest ? rest : all;
}

function toField({ name, annotation, fallback }: Parameter): Field {
  const choices = /\bLiteral\[(.*)\]$/s.exec(annotation)?.[1];
  const kind = choices === undefined ? kindOf(annotation, fallback) : 'choice';
  const split = choices?.match(/"[^"]*"|'[^']*'|[^,\s]+/g) ?? [];
  return field(name, { kind, annotation, fallback, choices: [...split] });
}

const KINDS: Record<string, Kind> = {
  str: 'text',
  int: 'number',
  float: 'number',
  bool: 'boolean',
};

/** By the annotation, else by the default. */
function kindOf(annotation: string, fallback: string | undefined): Kind {
  if (annotation !== '') return KINDS[annotation.replace(/\s*\|\s*None$/, '')] ?? 'value';
  if (fallback === undefined) return 'any';
  if (/^(True|False)$/.test(fallback)) return 'boolean';
  if (/^-?[\d.]/.test(fallback)) return 'number';
  return /^[rfb]?['"]/i.test(fallback) ? 'text' : 'any';
}

function summary(found: SyntaxNode, text: Text): string {
  const first = found.getChild('Body')?.getChild('ExpressionStatement');
  const string = first?.getChild('String');
  const isFirst = first?.prevSibling?.name === ':';
  if (!string || !isFirst) return '';
  const words = text(string).replace(/^[rR]?("""|'''|"|')|("""|'''|"|')$/g, '');
  return (
    words
      .trim()
      .split(/\n\s*\n/)[0]
      ?.replace(/\s+/g, ' ') ?? ''
  );
}
