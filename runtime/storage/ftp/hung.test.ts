import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createServer as createTlsServer, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { makeCertificate } from '../../../test/ftp-servers/certificates.ts';
import { HungUploads } from './hung.ts';

const closers: (() => void)[] = [];
let hung: HungUploads;
beforeEach(() => {
  hung = new HungUploads();
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A connection to a server that reads nothing, and the server's end of it. */
async function plainConnection(): Promise<{ raw: Socket; peer: Socket }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  closers.push(() => server.close());
  await once(server, 'listening');
  const raw = connect((server.address() as { port: number }).port, '127.0.0.1').on('error', () => undefined);
  const [[peer]] = (await Promise.all([once(server, 'connection'), once(raw, 'connect')])) as [
    [Socket],
    unknown,
  ];
  return { raw, peer };
}

test('a hung upload stays as it is until a new session stands, and is reset then', async () => {
  const { raw, peer } = await plainConnection();
  raw.write(Buffer.alloc(5_000_000));
  hung.add(raw);
  assert.equal(raw.destroyed, false);
  hung.reset();
  assert.equal(raw.destroyed, true);
  // Whatever it had not read is gone: reading ends with the reset, not with the bytes.
  const failure = once(peer, 'error');
  peer.resume();
  assert.equal(((await failure) as [NodeJS.ErrnoException])[0].code, 'ECONNRESET');
});

test('so is one with TLS on it', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-hung-'));
  closers.push(() => rmSync(directory, { recursive: true, force: true }));
  const { certificateFile, keyFile } = await makeCertificate(directory, 'valid');
  const [cert, key] = await Promise.all([readFile(certificateFile), readFile(keyFile)]);
  const server = createTlsServer({ cert, key }).listen(0, '127.0.0.1');
  closers.push(() => server.close());
  await once(server, 'listening');
  const raw = connect((server.address() as { port: number }).port, '127.0.0.1').on('error', () => undefined);
  await once(raw, 'connect');
  const socket = tlsConnect({ socket: raw, rejectUnauthorized: false }).on('error', () => undefined);
  const [[peer]] = (await Promise.all([once(server, 'secureConnection'), once(socket, 'secureConnect')])) as [
    [TLSSocket],
    unknown,
  ];
  await new Promise<void>((resolve) => socket.write('before the line went dead', () => resolve()));
  const failure = once(peer, 'error');
  peer.resume();
  hung.add(raw);
  hung.reset();
  assert.equal(((await failure) as [NodeJS.ErrnoException])[0].code, 'ECONNRESET');
});

test('of many hung uploads the oldest goes at once', async () => {
  const connections = await Promise.all(Array.from({ length: 9 }, plainConnection));
  for (const { raw } of connections) hung.add(raw);
  assert.equal(connections[0]?.raw.destroyed, true);
  assert.equal(connections[1]?.raw.destroyed, false);
  hung.reset();
});
