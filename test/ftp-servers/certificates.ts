/** Throwaway certificates for a test server, made with the openssl command: a CA of its own and one server key. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { CertificateKind } from './types.ts';

const run = promisify(execFile);

export interface ServerCertificate {
  readonly caFile: string;
  /** The server's certificate and secret key in one file, and each alone. */
  readonly combinedFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** `AA:BB:…`, SHA-256. */
  readonly fingerprint: string;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

export async function makeCertificate(directory: string, kind: CertificateKind): Promise<ServerCertificate> {
  await mkdir(directory, { recursive: true });
  const file = (name: string): string => path.join(directory, name);
  const names =
    kind === 'wrong-name' ? 'DNS:elsewhere.example' : 'IP:127.0.0.1,IP:127.0.0.2,IP:::1,DNS:localhost';
  const endMs = Date.now() + (kind === 'expired' ? -dayMs : 30 * dayMs);
  await writeFile(
    file('openssl.cnf'),
    [
      '[ca]',
      'default_ca = throwaway',
      '[throwaway]',
      `database = ${file('index.txt')}`,
      `new_certs_dir = ${directory}`,
      'rand_serial = yes',
      'default_md = sha256',
      'policy = anything',
      '[anything]',
      'commonName = supplied',
      '[req]',
      'distinguished_name = name',
      '[name]',
      '[authority]',
      'basicConstraints = critical,CA:true',
      'keyUsage = critical,keyCertSign,cRLSign',
      'subjectKeyIdentifier = hash',
      '[server]',
      'basicConstraints = CA:false',
      `subjectAltName = ${names}`,
      'extendedKeyUsage = serverAuth',
      '',
    ].join('\n'),
  );
  await writeFile(file('index.txt'), '');
  const config = ['-config', file('openssl.cnf')];
  const newKey = ['-newkey', 'rsa:2048', '-nodes', '-batch'];
  await run('openssl', [
    ...['req', '-x509', ...config, ...newKey, '-subj', '/CN=EncroCam test authority', '-days', '30'],
    ...['-extensions', 'authority', '-keyout', file('ca.key'), '-out', file('ca.pem')],
  ]);
  await run('openssl', [
    ...['req', '-new', ...config, ...newKey, '-subj', '/CN=EncroCam test server'],
    ...['-keyout', file('server.key'), '-out', file('server.csr')],
  ]);
  // `openssl ca` is the one way that sets both dates with every version of openssl.
  await run('openssl', [
    ...['ca', ...config, '-batch', '-notext', '-cert', file('ca.pem'), '-keyfile', file('ca.key')],
    ...['-in', file('server.csr'), '-out', file('server.pem'), '-extensions', 'server'],
    ...['-startdate', asn1Time(Date.now() - 10 * dayMs), '-enddate', asn1Time(endMs)],
  ]);
  const certificate = await readFile(file('server.pem'), 'utf8');
  const key = await readFile(file('server.key'), 'utf8');
  await writeFile(file('combined.pem'), key + certificate, { mode: 0o600 });
  return {
    caFile: file('ca.pem'),
    combinedFile: file('combined.pem'),
    certificateFile: file('server.pem'),
    keyFile: file('server.key'),
    fingerprint: new X509Certificate(certificate).fingerprint256,
  };
}

/** `20261122130000Z`. */
function asn1Time(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
}
