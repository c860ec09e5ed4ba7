/** Fetching owners' keys from a real HTTPS server on loopback. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { directoryUrls, fetchOwnerKey, type OwnerKeyOptions } from '../../provision/answers/owner-keys.ts';
import { isEncroCamError } from '../../runtime/errors.ts';

const fingerprint = '0'.repeat(40);
const key = await readFile(new URL('../vectors/encrocrypt2/owner.public.asc', import.meta.url), 'utf8');

test("the address of a key in a Web Key Directory is the specification's", () => {
  assert.deepEqual(directoryUrls('Joe.Doe@Example.ORG'), [
    'https://openpgpkey.example.org/.well-known/openpgpkey/example.org/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe',
    'https://example.org/.well-known/openpgpkey/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe',
  ]);
});

describe('over https', () => {
  let directory: string;
  let server: https.Server;
  let options: OwnerKeyOptions;
  /** Answers by path; others are not found. */
  const pages = new Map<string, (response: import('node:http').ServerResponse) => void>();
  /** Names that the resolver knows. */
  const names = new Set(['keys.example.org', 'openpgpkey.example.org', 'example.org', 'direct.example.org']);
  const asked: string[] = [];

  before(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-keys-'));
    const files = {
      key: path.join(directory, 'key.pem'),
      certificate: path.join(directory, 'certificate.pem'),
    };
    execFileSync('openssl', [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-keyout', files.key, '-out', files.certificate, '-subj', '/CN=test'],
      ...['-addext', `subjectAltName=${[...names].map((name) => `DNS:${name}`).join(',')}`],
    ]);
    const certificate = await readFile(files.certificate, 'utf8');
    server = https.createServer(
      { key: await readFile(files.key), cert: certificate },
      (request, response) => {
        asked.push(`${request.headers.host} ${request.url}`);
        const page = pages.get(request.url ?? '');
        if (page) page(response);
        else response.writeHead(404).end();
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    options = {
      ca: certificate,
      port: (server.address() as AddressInfo).port,
      bootDirectory: directory,
      lookup: (name, { all }, callback) => {
        if (!names.has(name)) {
          callback(Object.assign(new Error(`no ${name}`), { code: 'ENOTFOUND' }), '', 0);
        } else if (all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
        else callback(null, '127.0.0.1', 4);
      },
    };
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true, force: true });
  });

  const url = (page: string) =>
    ({ from: 'url', url: `https://keys.example.org${page}`, fingerprint }) as const;
  const isUnreadable = (error: unknown): boolean => isEncroCamError(error, 'KEY_UNREADABLE');
  const isUnreachable = (error: unknown): boolean => isEncroCamError(error, 'KEY_UNREACHABLE');
  const textOf = (material: string | Uint8Array): string => Buffer.from(material).toString();

  test('a key comes from its address', async () => {
    pages.set('/owner.asc', (response) => response.end(key));
    assert.equal(textOf(await fetchOwnerKey(url('/owner.asc'), options)), key);
  });

  test('a redirection is followed', async () => {
    pages.set('/moved', (response) => response.writeHead(302, { location: '/owner.asc' }).end());
    assert.equal(textOf(await fetchOwnerKey(url('/moved'), options)), key);
  });

  test('a redirection away from https is refused', async () => {
    pages.set('/plain', (response) =>
      response.writeHead(301, { location: 'http://keys.example.org/' }).end(),
    );
    await assert.rejects(fetchOwnerKey(url('/plain'), options), isUnreadable);
  });

  test('redirections without end are given up', async () => {
    pages.set('/round', (response) => response.writeHead(302, { location: '/round' }).end());
    await assert.rejects(fetchOwnerKey(url('/round'), options), isUnreadable);
  });

  test('a page that is not there is refused', async () => {
    await assert.rejects(fetchOwnerKey(url('/nothing'), options), isUnreadable);
  });

  test('an answer without end is cut off', async () => {
    pages.set('/endless', (response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        response.once('drain', more);
      };
      more();
    });
    await assert.rejects(fetchOwnerKey(url('/endless'), options), isUnreachable);
  });

  test('a certificate that nobody vouches for is refused', async () => {
    const { ca: _, ...without } = options;
    await assert.rejects(fetchOwnerKey(url('/owner.asc'), without), isUnreachable);
  });

  test('a server that is not there can be tried again later', async () => {
    names.add('gone.example.org');
    await assert.rejects(
      fetchOwnerKey({ from: 'url', url: 'https://gone.example.org/', fingerprint }, { ...options, port: 1 }),
      isUnreachable,
    );
    await assert.rejects(
      fetchOwnerKey({ from: 'url', url: 'https://unknown.example.net/', fingerprint }, options),
      isUnreachable,
    );
  });

  test('waiting can be given up', async () => {
    pages.set('/slow', () => undefined);
    const controller = new AbortController();
    const fetching = fetchOwnerKey(url('/slow'), { ...options, signal: controller.signal });
    controller.abort();
    await assert.rejects(fetching, isUnreachable);
  });

  test('a Web Key Directory is asked the advanced way', async () => {
    const page = new URL(directoryUrls('owner@example.org')[0]);
    pages.set(page.pathname + page.search, (response) => response.end(key));
    const found = await fetchOwnerKey({ from: 'wkd', address: 'owner@example.org', fingerprint }, options);
    assert.equal(textOf(found), key);
    assert.match(asked.at(-1) ?? '', /^openpgpkey\.example\.org/);
  });

  test('the direct way is asked where there is no sub-domain for the advanced one', async () => {
    const page = new URL(directoryUrls('owner@direct.example.org')[1]);
    pages.set(page.pathname + page.search, (response) => response.end(key));
    const found = await fetchOwnerKey(
      { from: 'wkd', address: 'owner@direct.example.org', fingerprint },
      options,
    );
    assert.equal(textOf(found), key);
    assert.match(asked.at(-1) ?? '', /^direct\.example\.org/);
  });

  test('the direct way is not asked where the advanced one has no such key', async () => {
    const page = new URL(directoryUrls('nobody@example.org')[1]);
    pages.set(page.pathname + page.search, (response) => response.end(key));
    await assert.rejects(
      fetchOwnerKey({ from: 'wkd', address: 'nobody@example.org', fingerprint }, options),
      isUnreadable,
    );
  });

  test('a key comes from the boot partition, and from nowhere else on the disk', async () => {
    await writeFile(path.join(directory, 'owner.asc'), key);
    assert.equal(textOf(await fetchOwnerKey({ from: 'file', file: 'owner.asc' }, options)), key);
    await assert.rejects(fetchOwnerKey({ from: 'file', file: '../../etc/passwd' }, options), isUnreadable);
    await assert.rejects(fetchOwnerKey({ from: 'file', file: 'owner.asc' }), isUnreadable);
  });
});
