/** What somebody between the camera and its drive may try: no password, no byte and no listing passes unprotected. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isEncroCamError } from '../../runtime/errors.ts';
import { drivePath } from '../../runtime/storage/storage.ts';
import { makeCertificate, type ServerCertificate } from '../ftp-servers/certificates.ts';
import { connectFails, withLies } from '../support/lies.ts';
import { appendBytes, hasCode } from './storage-contract.ts';

const file = drivePath('/', 'x');
const root = drivePath('/');

describe('somebody between camera and drive', () => {
  let directory: string;
  let secured: ServerCertificate;
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'encrocam-hostile-'));
    secured = await makeCertificate(directory, 'valid');
  });
  after(() => rm(directory, { recursive: true }));

  it('gets no password by refusing TLS', async () => {
    for (const AUTH of ['500 Unknown', '534 No', '421 Bye', '334 More']) {
      await withLies({ secured, answers: { AUTH } }, async (storage, server) => {
        await assert.rejects(storage.connect(), (error) =>
          isEncroCamError(error, 'STORAGE_UNTRUSTED', 'STORAGE_UNREACHABLE', 'STORAGE_PROTOCOL'),
        );
        assert.ok(!server.commands.includes('USER') && !server.commands.includes('PASS'));
      });
    }
  });

  for (const injected of ['230 You are in\r\n', '230 You', '211-Features\r\n MLST\r\n']) {
    it(`injects nothing in front of TLS: ${JSON.stringify(injected)}`, async () => {
      const AUTH = (control: Socket): void => void control.write(`234 Go\r\n${injected}`);
      await withLies({ secured, answers: { AUTH } }, async (storage, server) => {
        await assert.rejects(storage.connect(), hasCode('STORAGE_PROTOCOL'));
        assert.ok(!server.commands.includes('USER'));
      });
    });
  }

  it('is noticed when the handshake never ends', async () => {
    const AUTH = (control: Socket): void => {
      control.removeAllListeners('data').resume();
      control.write('234 Go\r\n');
    };
    await connectFails({ secured, answers: { AUTH }, timeoutSeconds: 0.5 }, 'STORAGE_UNREACHABLE');
  });

  it('is noticed when what follows is no TLS', async () => {
    const AUTH = (control: Socket): void => {
      control.write('234 Go\r\n');
      control.once('data', () => control.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    };
    await connectFails({ secured, answers: { AUTH } }, 'STORAGE_UNTRUSTED');
  });

  it('gets nothing unprotected: a server that refuses PROT P is left', async () => {
    await connectFails({ secured, answers: { PROT: '534 No' } }, 'STORAGE_REFUSED');
  });

  it('does not take the data connection over', async () => {
    // The fake server's data connections are plain: no TLS session of the control connection's server is resumed.
    await withLies(
      { secured, timeoutSeconds: 1, data: (socket) => socket.end('-rw-r--r-- 1 f f 1 Nov 22 13:00 x\r\n') },
      async (storage) => {
        await storage.connect();
        await assert.rejects(storage.list(root), hasCode('STORAGE_UNREACHABLE', 'STORAGE_UNTRUSTED'));
        await storage.connect();
        await assert.rejects(
          appendBytes(storage, file, Buffer.from('secret')),
          hasCode('STORAGE_UNREACHABLE', 'STORAGE_UNTRUSTED'),
        );
      },
    );
  });
});
