/** Copying. Browsers let only a page of HTTPS or of this machine do it, and not always. */

/** Copies a text, and says what became of that. */
export async function copyText(text: string): Promise<string> {
  try {
    await navigator.clipboard.writeText(text);
    return 'Copied';
  } catch {
    return 'The browser does not let the page copy';
  }
}
