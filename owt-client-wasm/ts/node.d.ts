/** The part of Node that signing uses. */

type Bytes = Uint8Array<ArrayBuffer>;

declare const Buffer: {
  from(text: string | Bytes, encoding?: 'base64' | 'base64url'): Bytes;
  concat(parts: Bytes[]): Bytes;
};

declare module 'node:crypto' {
  interface Hash {
    update(data: Bytes): Hash;
    digest(encoding: 'hex'): string;
  }
  export function createHash(algorithm: 'sha256'): Hash;
  export function createHmac(algorithm: 'sha256', key: Bytes): Hash;
}
