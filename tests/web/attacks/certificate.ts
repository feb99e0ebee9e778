/** A certificate for the names of this test, which browsers are told to accept. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const NAMES = 'subjectAltName=DNS:localhost,DNS:evil.example,DNS:box.example,IP:127.0.0.1';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** The options with which owt serves with it. */
  readonly options: string[];
}

export function certificate(folder: string): Certificate {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  args.push('-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', NAMES);
  execFileSync('openssl', [...args, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  const options = ['--tls-cert', cert, '--tls-key', key];
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8'), options };
}
