/** By which way an answer is shown. */

export type View =
  'events' | 'frame' | 'json' | 'picture' | 'sound' | 'film' | 'csv' | 'text' | 'file';

/** By its media type, without parameters. */
export function viewOf(contentType: string | null): View {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'text/event-stream') return 'events';
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'frame';
  if (type === 'text/csv') return 'csv';
  if (/^application\/((.*\+)?json)$/.test(type)) return 'json';
  if (/^application\/(x-)?(ndjson|jsonl|yaml|javascript|xml|toml)$/.test(type)) return 'text';
  if (type.startsWith('image/')) return 'picture';
  if (type.startsWith('audio/')) return 'sound';
  if (type.startsWith('video/')) return 'film';
  return type.startsWith('text/') || type === '' ? 'text' : 'file';
}
