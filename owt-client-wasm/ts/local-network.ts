/**
 * Local Network Access (https://wicg.github.io/local-network-access/): browsers ask their user before a
 * page of the web may reach this machine, or the network that it is in.
 */

/** Where an address can be reached from. */
type AddressSpace = 'loopback' | 'local';

const LOOPBACK = /^(.*\.)?localhost\.?$|^127(\.\d+){3}$|^\[::1\]$/;
const LOCAL =
  /^(10|169\.254|192\.168|172\.(1[6-9]|2\d|3[01]))(\.\d+){2,3}$|^\[(f[cd][\da-f]|fe[89ab])[\da-f]:/;

/** What users see it as, in the settings that Chromium has for each site. */
const SETTINGS = { loopback: 'Apps on device', local: 'Local network' };

/**
 * The address space of a server, if this page is in a more public one, so that the browser asks.
 * Other programs than pages have none.
 */
export function askedSpace(host: string): AddressSpace | undefined {
  const page = (globalThis as { location?: Location }).location?.hostname;
  const space = spaceOf(host);
  // A page without a host is a file of this machine.
  const isAsked = page && spaceOf(page) !== 'loopback' && space !== spaceOf(page);
  return isAsked ? space : undefined;
}

/** The address space that a host is in by its name; that of other names only the network knows. */
function spaceOf(host: string): AddressSpace | undefined {
  if (LOOPBACK.test(host)) return 'loopback';
  return LOCAL.test(host) ? 'local' : undefined;
}

/** Why the browser lets this page not reach a server, as the end of a sentence; nothing if it does. */
export async function refusal(space: AddressSpace): Promise<string | undefined> {
  if ((await state(`${space}-network`)) !== 'denied') return undefined;
  if (!isSecureContext) return 'because the page is not HTTPS. Serve it over HTTPS, or from there';
  return `until it is allowed: "${SETTINGS[space]}" in the browser's settings of this site`;
}

async function state(name: string): Promise<PermissionState | undefined> {
  try {
    return (await navigator.permissions.query({ name: name as PermissionName })).state;
  } catch {
    // A browser that does not know the permission does not ask for it.
    return undefined;
  }
}
