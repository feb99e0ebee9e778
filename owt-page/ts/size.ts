/** Numbers for people. */

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log10(count) / 3), units.length);
  return `${(count / 1000 ** power).toPrecision(3)} ${units[power - 1]}`;
}

export function seconds(count: number): string {
  if (count < 0.001) return `${(count * 1e6).toFixed(0)} µs`;
  if (count < 1) return `${(count * 1000).toPrecision(count < 0.01 ? 2 : 3)} ms`;
  if (count < 60) return `${count.toFixed(1)} s`;
  const minutes = Math.floor(count / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(count % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
