/** URLs of what is kept in memory: an answer's are given up when the next one comes. */

const urls: string[] = [];

export function urlOfBlob(blob: Blob): string {
  const url = URL.createObjectURL(blob);
  urls.push(url);
  return url;
}

export function releaseUrls(): void {
  for (const url of urls.splice(0)) URL.revokeObjectURL(url);
}
