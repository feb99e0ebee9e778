/** Where this server is. */

/**
 * A path of this server, whatever it begins with: `//name` is none of another host. A page that was opened
 * with a password in its address may ask for no path alone.
 */
export function urlOf(path: string): string {
  return `${location.origin}/${path.replace(/^[/\\]+/, '')}`;
}
