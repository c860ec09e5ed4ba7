/** What goes wrong between a camera and its drive, with each server for real. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { isEncroCamError } from '../../runtime/errors.ts';
import { createLogger } from '../../runtime/log.ts';
import { FtpStorage } from '../../runtime/storage/ftp/storage.ts';
import type { Appender, DrivePath, Storage } from '../../runtime/storage/storage.ts';
import { drivePath } from '../../runtime/storage/storage.ts';
import { type FtpServer, type FtpSoftware, ftpSoftware, startFtpServer } from '../ftp-servers/index.ts';
import { driveOf, driveSettings } from '../support/drive.ts';
import { type FlakyNetwork, startFlakyNetwork } from '../support/flaky-network.ts';
import { appendBytes, collect, hasCode, untilSize } from './storage-contract.ts';

const pieceBytes = 64 * 1024;

/** Writes pieces until the appender fails; resolves with the failure. */
async function writeUntilFailure(appender: Appender, bytes: Buffer): Promise<unknown> {
  try {
    for (let start = 0; start < bytes.length; start += pieceBytes) {
      await appender.write(bytes.subarray(start, start + pieceBytes));
    }
    await appender.finish();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** What the syncer does after every failure: asks how much is there, and appends the rest. */
async function appendRest(storage: Storage, file: DrivePath, bytes: Buffer): Promise<number> {
  const size = (await storage.size(file)) ?? 0;
  assert.ok(size <= bytes.length, `the drive holds ${size} of ${bytes.length} bytes`);
  assert.deepEqual(await collect(storage.read(file, 0)), bytes.subarray(0, size));
  if (size < bytes.length) await appendBytes(storage, file, bytes.subarray(size));
  return size;
}

for (const software of ftpSoftware) {
  describe(`failures with ${software}`, () => {
    let server: FtpServer;
    let network: FlakyNetwork;
    let count = 0;
    let file: DrivePath;
    let onDisk: string;
    const bytes = randomBytes(2_000_000);

    before(async () => {
      server = await startFtpServer({ software });
      network = await startFlakyNetwork(server);
    });
    after(async () => {
      await network.stop();
      await server.stop();
    });
    beforeEach(() => {
      count++;
      file = drivePath('/', `rec-${count}`);
      onDisk = path.join(server.rootDirectory, `rec-${count}`);
    });

    it('ends with the same bytes after kill -9 of the server in the middle of an append', async () => {
      const storage = driveOf(server);
      for (let round = 0; round < 3; round++) {
        await storage.connect();
        const done = (await storage.size(file)) ?? 0;
        const appender = await storage.append(file);
        const part = bytes.subarray(done, done + 500_000);
        await appender.write(part);
        await untilSize(onDisk, done + 1);
        await server.kill();
        const failure = await writeUntilFailure(appender, bytes.subarray(done + 500_000));
        assert.ok(isEncroCamError(failure, 'STORAGE_UNREACHABLE'), String(failure));
        await assert.rejects(storage.connect(), hasCode('STORAGE_UNREACHABLE'));
        await server.restart();
      }
      await storage.connect();
      await appendRest(storage, file, bytes);
      await storage.close();
      assert.deepEqual(await readFile(onDisk), bytes);
    });

    it('ends with the same bytes after a data connection was cut in the middle of an append', async () => {
      const storage = driveOf({ ...server, host: network.host });
      await storage.connect();
      const cut = network.cutAfterBytes(700_000);
      const failure = await writeUntilFailure(await storage.append(file), bytes);
      await cut;
      assert.ok(isEncroCamError(failure, 'STORAGE_UNREACHABLE'), String(failure));
      await storage.close();
      await storage.connect();
      const size = await appendRest(storage, file, bytes);
      assert.ok(size <= 700_000);
      await storage.close();
      assert.deepEqual(await readFile(onDisk), bytes);
    });

    it('ends with the same bytes after the whole network was cut in the middle of an append', async () => {
      const storage = driveOf({ ...server, host: network.host });
      await storage.connect();
      const appender = await storage.append(file);
      await appender.write(bytes.subarray(0, 300_000));
      network.cut();
      const failure = await writeUntilFailure(appender, bytes.subarray(300_000));
      assert.ok(isEncroCamError(failure, 'STORAGE_UNREACHABLE'), String(failure));
      await assert.rejects(storage.connect(), hasCode('STORAGE_UNREACHABLE'));
      network.heal();
      await storage.connect();
      await appendRest(storage, file, bytes);
      await storage.close();
      assert.deepEqual(await readFile(onDisk), bytes);
    });

    it('gives a silent network up within the time-out', async () => {
      // A busy computer takes a second to connect.
      const storage = driveOf({ ...server, host: network.host }, { timeoutSeconds: 3 });
      await storage.connect();
      const appender = await storage.append(file);
      await appender.write(bytes.subarray(0, 1000));
      network.cut({ silently: true });
      await appender.write(bytes.subarray(1000, 2000)); // The kernel takes it: nobody can know yet.
      await assert.rejects(appender.finish(), hasCode('STORAGE_UNREACHABLE'));
      await assert.rejects(storage.connect(), hasCode('STORAGE_UNREACHABLE'));
      network.heal();
      await storage.connect();
      await appendRest(storage, file, bytes);
      await storage.close();
      assert.deepEqual(await readFile(onDisk), bytes);
    });

    it('says that the log-in was refused for a wrong password, without repeating it', async () => {
      const storage = driveOf({ ...server, password: 'not the password' });
      await assert.rejects(storage.connect(), (error) => {
        assert.ok(isEncroCamError(error, 'STORAGE_REFUSED'));
        assert.ok(!JSON.stringify([error.message, error.hint, error.stack]).includes('not the password'));
        return true;
      });
    });

    it('is refused without TLS where the server requires it', async () => {
      const storage = driveOf(server, { tls: { mode: 'off' } });
      await assert.rejects(storage.connect(), hasCode('STORAGE_REFUSED'));
    });

    it('trusts no unknown authority unless the certificate is pinned', async () => {
      const stranger = { ...server, caFile: '/etc/ssl/certs/ca-certificates.crt' };
      await assert.rejects(driveOf(stranger).connect(), untrustedShowing(server.fingerprint));
      for (const fingerprint of [server.fingerprint, server.fingerprint.replaceAll(':', '').toLowerCase()]) {
        await worksWith(driveOf(stranger, { tls: { fingerprint } }));
      }
    });

    it('refuses a certificate other than the pinned one, though its authority is known', async () => {
      const fingerprint = server.fingerprint.replace(/^../, (byte) => (byte === '00' ? '01' : '00'));
      await assert.rejects(
        driveOf(server, { tls: { fingerprint } }).connect(),
        untrustedShowing(server.fingerprint),
      );
    });

    it('speaks TLS 1.3 alone when told so', async () => {
      await worksWith(driveOf(server, { tls: { minimumVersion: 'TLSv1.3' } }));
    });
  });

  describe(`special set-ups of ${software}`, () => {
    it('says that the drive is full when a quota is reached, and works on once there is room', async () => {
      await withServer({ software, quotaBytes: 2 ** 20 }, async (server) => {
        const storage = driveOf(server);
        await storage.connect();
        const file = drivePath('/', 'fills');
        const failure = await writeUntilFailure(await storage.append(file), randomBytes(6 * 2 ** 20));
        assert.ok(isEncroCamError(failure, 'STORAGE_FULL'), `${String(failure)} ${await server.logs()}`);
        await storage.connect();
        assert.ok(((await storage.size(file)) ?? 0) <= 2 ** 20);
        await storage.remove(file);
        await appendBytes(storage, drivePath('/', 'fits'), randomBytes(1000));
        assert.equal(await storage.size(drivePath('/', 'fits')), 1000);
        await storage.close();
      });
    });

    it('says that the drive refuses where the directory cannot be written', async () => {
      await withServer({ software, readOnly: true }, async (server) => {
        const storage = driveOf(server);
        await storage.connect();
        const failure = await writeUntilFailure(await storage.append(drivePath('/', 'x')), Buffer.from('x'));
        assert.ok(isEncroCamError(failure, 'STORAGE_REFUSED'), String(failure));
        await storage.connect();
        await assert.rejects(storage.makeDirectory(drivePath('/', 'd')), hasCode('STORAGE_REFUSED'));
        assert.deepEqual(await storage.list(drivePath('/')), []);
        await storage.close();
      });
    });

    for (const certificate of ['expired', 'wrong-name'] as const) {
      it(`trusts a certificate that is ${certificate} only by its fingerprint`, async () => {
        await withServer({ software, certificate }, async (server) => {
          await assert.rejects(driveOf(server).connect(), untrustedShowing(server.fingerprint));
          await worksWith(driveOf(server, { tls: { fingerprint: server.fingerprint } }));
        });
      });
    }

    it('works without TLS where both sides were told to, with one warning and no password in it', async () => {
      await withServer({ software, allowPlain: true }, async (server) => {
        const lines: string[] = [];
        const logger = createLogger({ level: 'debug', format: 'json', write: (line) => lines.push(line) });
        const storage = new FtpStorage(driveSettings(server, { tls: { mode: 'off' } }), { logger });
        await worksWith(storage);
        await worksWith(storage);
        const warnings = lines.filter((line) => JSON.parse(line).level === 'warn');
        assert.deepEqual(
          warnings.map((line) => JSON.parse(line).drive),
          [`ftp://${server.user}@${server.host}:${server.port}/`],
        );
        assert.ok(!lines.join('').includes(server.password));
        await worksWith(driveOf(server));
      });
    });

    it('works over IPv6', async () => {
      await withServer({ software, bindAddress: '::1' }, async (server) => {
        await worksWith(driveOf(server));
        await worksWith(driveOf(server, { ipFamily: 'ipv6' }));
        await assert.rejects(
          driveOf(server, { host: 'localhost', ipFamily: 'ipv4' }).connect(),
          hasCode('STORAGE_UNREACHABLE'),
        );
      });
    });
  });
}

describe('pure-ftpd with more files in a directory than it shows', () => {
  it('leads to a warning', async () => {
    await withServer({ software: 'pure-ftpd' }, async (server) => {
      for (let number = 0; number < 10_001; number++)
        await writeFile(path.join(server.rootDirectory, `f${number}`), '');
      const lines: string[] = [];
      const logger = createLogger({ level: 'warn', format: 'json', write: (line) => lines.push(line) });
      const storage = new FtpStorage(driveSettings(server), { logger });
      await storage.connect();
      const files = await storage.list(drivePath('/'));
      assert.ok(files.length < 10_001);
      assert.equal(lines.length, 1);
      assert.equal(JSON.parse(lines[0] ?? '{}').entries, files.length);
      await storage.close();
    });
  });
});

// The other servers end an upload themselves as soon as they hear that its session is gone.
it('vsftpd: an upload whose line went dead is left alone, and reset as soon as a new session stands', async () => {
  await withServer({ software: 'vsftpd' }, async (server) => {
    const network = await startFlakyNetwork(server);
    try {
      const storage = driveOf({ ...server, host: network.host }, { timeoutSeconds: 1 });
      await storage.connect();
      const appender = await storage.append(drivePath('/', 'hangs'));
      await appender.write(Buffer.alloc(1000));
      network.cut({ silently: true });
      // More than the kernel takes on its own.
      const failure = await writeUntilFailure(appender, Buffer.alloc(2 ** 25));
      assert.ok(isEncroCamError(failure, 'STORAGE_UNREACHABLE'), String(failure));
      network.heal();
      await storage.connect();
      const deadlineMs = Date.now() + 10_000;
      while (network.resetsByClient === 0) {
        assert.ok(Date.now() < deadlineMs, 'the old upload was not reset');
        await delay(20);
      }
      await storage.close();
    } finally {
      await network.stop();
    }
  });
});

async function withServer(
  options: { software: FtpSoftware } & Parameters<typeof startFtpServer>[0],
  work: (server: FtpServer) => Promise<void>,
): Promise<void> {
  const server = await startFtpServer(options);
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

/** Connects, and carries bytes there and back. */
async function worksWith(storage: Storage): Promise<void> {
  const bytes = randomBytes(100_000);
  const file = drivePath('/', `there-and-back-${randomBytes(4).toString('hex')}`);
  await storage.connect();
  await appendBytes(storage, file, bytes);
  assert.deepEqual(await collect(storage.read(file, 0)), bytes);
  assert.ok((await storage.list(drivePath('/'))).some(({ sizeBytes }) => sizeBytes === bytes.length));
  await storage.close();
}

function untrustedShowing(fingerprint: string): (error: unknown) => true {
  return (error) => {
    assert.ok(isEncroCamError(error, 'STORAGE_UNTRUSTED'), String(error));
    assert.ok(error.hint?.includes(fingerprint), error.hint);
    return true;
  };
}
