/** Named endpoints, as the server describes them in OpenAPI. */

import { urlOf } from './address.js';
import { type Field, field, type Kind } from './field.js';
import type { Argument } from './literal.js';
import type { Plan } from './snippets/plan.js';

export interface Endpoint {
  method: string;
  path: string;
  summary: string;
  description: string;
  fields: Field[];
  /** Where each of them goes. */
  places: Record<string, Place>;
}

type Place = 'path' | 'query' | 'body';

interface Schema {
  type?: string;
  enum?: unknown[];
  anyOf?: Schema[];
  default?: unknown;
  description?: string;
  format?: string;
  contentEncoding?: string;
  contentMediaType?: string;
  properties?: Record<string, Schema>;
  required?: string[];
}

interface Operation {
  summary?: string;
  description?: string;
  parameters?: { name: string; in: Place; required?: boolean; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

/** All named endpoints of the server; none, if it says nothing of them. */
export async function endpoints(): Promise<Endpoint[]> {
  const response = await fetch(urlOf('_owt/openapi.json'));
  if (!response.ok) return [];
  const { paths } = (await response.json()) as { paths: Record<string, Record<string, Operation>> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) =>
      endpoint(method.toUpperCase(), path, operation),
    ),
  );
}

function endpoint(method: string, path: string, operation: Operation): Endpoint {
  const { summary = '', description = '', parameters = [], requestBody } = operation;
  const bodies = Object.values(requestBody?.content ?? {});
  const known = parameters.map(({ name, in: place, required, schema }): [Field, Place] => [
    fieldOf(name, schema, required === true),
    place,
  ]);
  for (const { schema } of bodies) {
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const found = fieldOf(name, property, schema.required?.includes(name) === true);
      const index = known.findIndex(([field]) => field.name === name);
      if (index < 0) known.push([found, 'body']);
      // What one kind of body has as a file, the others have as text.
      else if (found.kind === 'file') known[index] = [found, 'body'];
    }
  }
  // What is needed comes first; beyond that, the server names them in no order.
  known.sort(([one], [other]) => Number(isOptional(one)) - Number(isOptional(other)));
  const places = Object.fromEntries(known.map(([{ name }, place]) => [name, place]));
  return { method, path, summary, description, fields: known.map(([field]) => field), places };
}

function isOptional({ fallback }: Field): boolean {
  return fallback !== undefined;
}

const KINDS: Record<string, Kind> = {
  string: 'text',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
};

function fieldOf(name: string, schema: Schema, isRequired: boolean): Field {
  const inner = schema.anyOf?.find(({ type }) => type !== 'null') ?? schema;
  const isFile =
    inner.format === 'binary' ||
    inner.contentMediaType !== undefined ||
    inner.contentEncoding !== undefined;
  const type = inner.type ?? '';
  const choices = inner.enum?.map((value) => JSON.stringify(value)) ?? [];
  const plain = KINDS[type] ?? (type === '' ? 'any' : 'value');
  const kind = isFile ? 'file' : choices.length > 0 ? 'choice' : plain;
  const fallback = isRequired ? undefined : JSON.stringify(schema.default ?? null);
  const description = schema.description ?? '';
  return field(name, { kind, choices, fallback, annotation: type, description });
}

/** The request to an endpoint. */
export function planOfEndpoint(
  { method, path, places }: Endpoint,
  args: readonly Argument[],
  files: readonly [string, string][] = [],
): Plan {
  let target = path;
  const query = new URLSearchParams();
  const body: Argument[] = [];
  for (const arg of args) {
    const text = textOf(arg.literal);
    if (places[arg.name] === 'path')
      target = target.replace(`{${arg.name}}`, encodeURIComponent(text));
    else if (places[arg.name] === 'query') query.append(arg.name, text);
    else body.push(arg);
  }
  const search = query.size > 0 ? `?${query}` : '';
  const plan: Plan = {
    method,
    url: location.origin + target + search,
    fields: [],
    files: [...files],
  };
  if (files.length > 0)
    return { ...plan, fields: body.map(({ name, literal }) => [name, textOf(literal)]) };
  const takesBody = !['GET', 'HEAD', 'DELETE'].includes(method);
  const entries = body.map(({ name, literal }) => `${JSON.stringify(name)}:${literal}`);
  return takesBody ? { ...plan, json: `{${entries.join(',')}}` } : plan;
}

/** A literal as a query or a form has it. */
function textOf(literal: string): string {
  try {
    const value: unknown = JSON.parse(literal);
    return typeof value === 'string' ? value : literal;
  } catch {
    return literal;
  }
}
