import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** The files of a certificate of 127.0.0.1 and localhost, named as Docker's clients look for them. */
export interface CertificateFiles {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/** Its own authority, for both sides. */
export function makeCertificate(directory: string): CertificateFiles {
  mkdirSync(directory, { recursive: true });
  const path = (name: string) => join(directory, `${name}.pem`);
  const files = { key: path('key'), cert: path('cert'), ca: path('ca') };
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', files.key];
  const certificate = ['req', '-x509', '-days', '2', ...key, '-out', files.cert, ...subject];
  execFileSync('openssl', certificate, { stdio: 'ignore' });
  copyFileSync(files.cert, files.ca);
  return files;
}
