/** What becomes of runs that a locked camera began, once it is unlocked. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { decodeCertificate, PacketReader } from '../encrocrypt/v3/index.ts';
import { recordingAt } from '../recordings/names.ts';
import type { CertifiableRun } from './authority.ts';
import { EncroCrypt3Format, type RunThatEnded } from './encrocrypt3-format.ts';
import { collected, FakeClock, FakeDisk, fakeSealRun, LogBook, settle } from './fakes.ts';
import type { KeptRun } from './last-run.ts';
import { DiskFullError } from './packet-file.ts';
import type { FileOptions } from './recording-format.ts';

const slotMs = 60_000;

/** An authority whose certificates name what they vouch for, signed by nobody. */
class FakeAuthority {
  isLocked = true;
  /** Thrown by what is asked next, when set. */
  failure: Error | undefined;
  readonly #unlocked = Promise.withResolvers<boolean>();

  async prepare() {
    return { camera: 'A'.repeat(40), ownerKeyBytes: [] };
  }

  async sealRun(plan: Parameters<typeof fakeSealRun>[0]) {
    return { ...(await fakeSealRun(plan)), isLocked: this.isLocked };
  }

  async certify({ runId, headerHash, link }: CertifiableRun): Promise<Buffer | undefined> {
    if (!(await this.#unlocked.promise)) return undefined;
    if (this.failure) throw this.failure;
    const { encodeCertificate } = await import('../encrocrypt/v3/index.ts');
    return encodeCertificate({ runId, headerHash, link, cameraSignature: Buffer.from('signed') });
  }

  unlock(certifies = true): void {
    this.isLocked = false;
    this.#unlocked.resolve(certifies);
  }
}

function setUp() {
  const [clock, disk, logger, authority] = [
    new FakeClock(),
    new FakeDisk(),
    new LogBook(),
    new FakeAuthority(),
  ];
  const kept: KeptRun[] = [];
  const ended: RunThatEnded[] = [];
  const format = new EncroCrypt3Format({
    container: 'video/mp2t',
    authority,
    lastRuns: { load: async () => undefined, keep: async (run) => void kept.push(run) },
    onRunEnded: (run) => ended.push(run),
    clockState: async () => 'unknown',
    newestBlock: async () => undefined,
    clock,
    logger,
  });
  const file: FileOptions = {
    ...{ directory: '/r', fileSystem: disk, clock },
    onWritten: () => undefined,
    onFlushed: () => undefined,
    onFlushFailed: assert.ifError,
  };
  const open = () =>
    format.open(
      {
        name: recordingAt(clock.nowMs(), slotMs),
        ...{ initialisation: undefined, timeMs: clock.nowMs(), monotonicMs: clock.monotonicMs() },
      },
      file,
    );
  return { clock, disk, logger, authority, kept, ended, open, format };
}

/** Kinds of the packets in a file, and the links that certificates name. */
function read(file: Buffer | undefined): { kinds: string[]; certified: Buffer[] } {
  const reader = new PacketReader();
  reader.push(file ?? Buffer.alloc(0));
  reader.end();
  const kinds: string[] = [];
  const certified: Buffer[] = [];
  for (let item = reader.next(); item; item = reader.next()) {
    kinds.push(item.kind);
    if (item.kind === 'certificate') certified.push(Buffer.from(decodeCertificate(item.body).link));
  }
  return { kinds, certified };
}

test('runs that ended while the camera was locked are certified where they lie, and the open one when it ends', async () => {
  const { clock, disk, authority, kept, ended, open } = setUp();
  const links: Buffer[] = [];
  for (let slot = 0; slot < 2; slot++) {
    const recording = await open();
    await recording.append(collected(clock, 'video', true));
    await recording.close('time');
    links.push(recording.link);
    await clock.pass(slotMs);
  }
  const last = await open();
  // The ledger hears of them whether the camera is locked or not: a certificate is no part of a run.
  assert.deepEqual(
    ended.map(({ link }) => link),
    links,
  );
  await last.append(collected(clock, 'video', true));
  const files = [...disk.files.keys()];
  assert.equal(files.length, 3);
  assert.ok(files.every((name) => read(disk.files.get(name)).certified.length === 0));

  authority.unlock();
  await settle();
  assert.deepEqual(
    files.map((name) => read(disk.files.get(name)).certified),
    [[links[0]], [links[1]], []],
  );
  await last.close('unlocked');
  const signed = await open();
  await signed.close('stop');
  const { kinds, certified } = read(disk.files.get(files[2] ?? ''));
  assert.deepEqual(certified, [last.link], 'the run that the camera signed needs none');
  assert.deepEqual(kinds, ['header', 'data', 'checkpoint', 'final', 'certificate', 'header', 'final']);
  assert.deepEqual(kept.at(-1)?.before?.link, last.link);
  assert.equal(disk.openFiles, 0);
});

test('a certificate never lands inside a packet that a full disk cut short', async () => {
  const { clock, disk, authority, open } = setUp();
  const ended = await open();
  await ended.append(collected(clock, 'video', true));
  await ended.close('clock');
  const going = await open();
  disk.roomBytes = 20;
  await assert.rejects(going.append(collected(clock, 'cut short', true)), DiskFullError);
  disk.roomBytes = Number.POSITIVE_INFINITY;
  authority.unlock();
  await settle();
  await going.close('stop');
  const [name = ''] = [...disk.files.keys()];
  const ofSecond = ['header', 'data', 'certificate', 'checkpoint', 'final', 'certificate'];
  assert.deepEqual(read(disk.files.get(name)).kinds.slice(-ofSecond.length), ofSecond);
  assert.equal(disk.openFiles, 0);
});

test('the next run does not wait until a certificate that fails is made', async () => {
  const { clock, disk, authority, open } = setUp();
  const locked = await open();
  await locked.append(collected(clock, 'video', true));
  authority.unlock();
  authority.failure = new Error('no memory');
  await locked.close('unlocked');
  const signed = await open();
  await signed.append(collected(clock, 'video', true));
  await signed.close('stop');
  const [name = ''] = [...disk.files.keys()];
  assert.deepEqual(read(disk.files.get(name)).kinds.slice(-4), ['header', 'data', 'checkpoint', 'final']);
  assert.equal(disk.openFiles, 0);
});

test('a recording that was recorded over while the camera was locked does not come back as a certificate', async () => {
  const { clock, disk, authority, open } = setUp();
  const recording = await open();
  await recording.append(collected(clock, 'video', true));
  await recording.close('time');
  disk.files.clear();
  authority.unlock();
  await settle();
  assert.equal(disk.files.size, 0);
});

test('what may be for other eyes gets no certificate', async () => {
  const { clock, disk, authority, open } = setUp();
  const recording = await open();
  await recording.append(collected(clock, 'video', true));
  await recording.close('time');
  authority.unlock(false);
  await settle();
  const [name] = [...disk.files.keys()];
  assert.deepEqual(read(disk.files.get(name ?? '')).certified, []);
});

test('a camera that is stopped while it is locked does not wait for somebody to come', async () => {
  const { clock, disk, format, open } = setUp();
  const recording = await open();
  await recording.append(collected(clock, 'video', true));
  await recording.close('stop');
  await format.settled();
  assert.equal(disk.openFiles, 0);
});
