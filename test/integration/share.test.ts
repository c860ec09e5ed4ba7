/** Sharing as people do it: the owner's command makes a share, the receiver's plays it, and nothing beside it can be opened. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { readPrivateKey } from 'openpgp';
import { covers, PacketReader, RunOpener, segmentOf } from '../../runtime/encrocrypt/v3/index.ts';
import { type Capability, decodeCapability, encodeCapability } from '../../runtime/sharing/capability.ts';
import { bytesInLink, shareLink } from '../../runtime/sharing/link.ts';
import { startFtpServer } from '../ftp-servers/index.ts';
import {
  cameraFile,
  cameraKeys,
  firstMs,
  type Recording,
  type Recordings,
  recordMinutes,
} from '../support/camera-recordings.ts';
import { makeOwnerKey } from '../support/owner-key.ts';
import { encrocam } from './recorder-harness.ts';

const vectors = path.join(import.meta.dirname, '../vectors');
const ownerSecret = path.join(vectors, 'encrocrypt2/owner.secret.asc');
const byCamera = ['--signed-by', cameraFile];
/** Of each packet in these recordings; there is one a second. */
const packetBytes = 500;

let directory: string;
let place: string;
let recordings: Recordings[3];
let [friend, friendSecret] = ['', ''];
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'encrocam-share-'));
  place = path.join(directory, 'front');
  recordings = await recordMinutes(place, 3);
  [friend, friendSecret] = [path.join(directory, 'friend.asc'), path.join(directory, 'friend.secret.asc')];
  await makeOwnerKey(friend, friendSecret);
});
after(() => rm(directory, { recursive: true, force: true }));

interface Outcome {
  readonly code: number;
  readonly output: Buffer;
  readonly messages: string;
}

/** With an empty key ring: nobody's own keys help. */
function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      encrocam,
      args,
      {
        encoding: 'buffer',
        maxBuffer: 10_000_000,
        env: { ...process.env, TZ: 'UTC', GNUPGHOME: directory, ...environment },
      },
      (error, output, messages) =>
        resolve({ code: error ? Number(error.code) : 0, output, messages: messages.toString() }),
    );
  });
}

const at = (seconds: number): string => new Date(firstMs + seconds * 1000).toISOString();
const between = (from: number, to: number): string[] => ['--from', at(from), '--to', at(to)];

async function link(from: number, to: number, ...more: string[]): Promise<string> {
  const owner = ['share', place, ...between(from, to), ...byCamera, '--key', ownerSecret, '--link'];
  const { code, output, messages } = await run([...owner, ...more]);
  assert.equal(code, 0, messages);
  return output.toString().trim();
}

function watch(share: string, input = place, ...more: string[]): Promise<Outcome> {
  return run(['decrypt', input, ...byCamera, '--share', share, ...more]);
}

/** Which second of the recordings each packet of a video is of. */
function secondsIn(video: Buffer): number[] {
  assert.equal(video.length % packetBytes, 0);
  return Array.from({ length: video.length / packetBytes }, (_, index) => video[index * packetBytes] ?? -1);
}

const seconds = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => (from + index) % 60);

test('a share opens exactly its range, says that it is as recorded, and needs no key of anybody', async () => {
  const { code, output, messages } = await watch(await link(72, 95));
  assert.equal(code, 0, messages);
  assert.deepEqual(secondsIn(output), seconds(72, 95));
  assert.match(messages, /as the camera recorded it: 2027-01-15 08:01:12.* to 2027-01-15 08:01:35/);
});

test('a range over two recordings is shared and watched as one', async () => {
  const { code, output, messages } = await watch(await link(44, 85));
  assert.equal(code, 0, messages);
  assert.deepEqual(secondsIn(output), seconds(44, 85));
  assert.equal(messages.match(/as the camera recorded it/g)?.length, 2);
});

test('two runs in one file, of which a part of each is shared', async () => {
  const file = path.join(vectors, 'encrocrypt3/two-runs.encrocam');
  const args = ['--from', '2027-01-15T08:00:12Z', '--to', '2027-01-15T08:01:15Z', ...byCamera];
  const shared = await run(['share', file, ...args, '--key', ownerSecret, '--link']);
  assert.equal(shared.code, 0, shared.messages);
  const { code, output, messages } = await watch(shared.output.toString().trim(), file);
  assert.equal(code, 0, messages);
  const asOwner = await run(['decrypt', file, ...args, '--key', ownerSecret]);
  assert.ok(output.length > 0);
  assert.ok(output.equals(asOwner.output));
});

test('the keys open the segments of the range and not one packet of a segment beside it', async () => {
  const capability = capabilityIn(await link(72, 95));
  const [part, none] = capability.runs;
  assert.ok(part && !none);
  const [first, last] = [1, 3];
  assert.deepEqual(
    Array.from({ length: 4096 }, (_, segment) => segment).filter((segment) =>
      part.nodes.some((node) => covers(node, segment)),
    ),
    [first, first + 1, last],
  );
  for (const { run: recorded } of recordings) {
    const opener = new RunOpener(part);
    const reader = new PacketReader();
    reader.push(recorded.bytes);
    reader.end();
    let opened = 0;
    for (let item = reader.next(); item; item = reader.next()) {
      if (item.kind !== 'data') continue;
      const segment = segmentOf(item, part.segmentMs);
      const isGiven = recorded === recordings[1].run && segment >= first && segment <= last;
      assert.equal(opener.open(item) !== undefined, isGiven, `segment ${segment}`);
      if (isGiven) opened += 1;
    }
    assert.equal(opened, recorded === recordings[1].run ? 30 : 0);
  }
});

test('what is asked for beside the range is not put out, and asking for nothing of it is an error', async () => {
  const share = await link(72, 95);
  const wider = await watch(share, place, ...between(0, 170));
  assert.deepEqual(secondsIn(wider.output), seconds(72, 95));
  const narrower = await watch(share, place, ...between(80, 90));
  assert.deepEqual(secondsIn(narrower.output), seconds(80, 90));
  const beside = await watch(share, place, ...between(0, 60));
  assert.equal(beside.code, 1);
  assert.match(beside.messages, /Nothing of that time was shared.* \[USAGE\]/);
});

test("a share for somebody's key opens with that key, and with no other", async () => {
  const file = path.join(directory, 'share.asc');
  const args = ['share', place, ...between(72, 95), ...byCamera, '--key', ownerSecret, '--with', friend];
  const made = await run([...args, '--out', file, '--expires', '+7d', '--note', 'front door']);
  assert.equal(made.code, 0, made.messages);
  assert.match(
    made.messages,
    /Shared from 2027-01-15 08:01:12 to 2027-01-15 08:01:35: 2 keys of 1 run, \d+ bytes/,
  );
  assert.match(made.messages, /its keys open 2027-01-15 08:01:10 to 2027-01-15 08:01:40/);
  assert.match(made.messages, /cannot be taken back/);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const theirs = await watch(file, place, '--key', friendSecret);
  assert.equal(theirs.code, 0, theirs.messages);
  assert.match(theirs.messages, /note of whoever shared this: front door\n/);
  assert.deepEqual(secondsIn(theirs.output), seconds(72, 95));
  for (const wrong of [['--key', ownerSecret], []]) {
    const { code, output, messages } = await watch(file, place, ...wrong);
    assert.deepEqual([code, output.length], [1, 0]);
    assert.match(messages, /another secret key.*\[SHARE_UNREADABLE\]/);
  }
  const again = await run([...args, '--out', file]);
  assert.equal(again.code, 1);
  assert.match(again.messages, /does not exist yet/);
});

test('an expired share, one of another camera, and damaged ones are refused with not a byte of video', async () => {
  const good = await link(72, 95);
  const expired = reshared(good, { expiresMs: Date.now() - 1 });
  const refused = await watch(expired);
  assert.deepEqual([refused.code, refused.output.length], [1, 0]);
  assert.match(refused.messages, /expired at .*\[SHARE_EXPIRED\]\n {2}Ask/);
  const foreign = await watch(reshared(good, { camera: Buffer.alloc(20, 7) }));
  assert.deepEqual([foreign.code, foreign.output.length], [3, 0]);
  assert.match(foreign.messages, /another camera.*\[NOT_AUTHENTIC\]/);
  for (const share of [good.slice(0, -1), good.slice(0, -40), `${good.slice(0, 60)}A${good.slice(61)}B`]) {
    const { code, output, messages } = await watch(share);
    assert.deepEqual([code, output.length], [1, 0]);
    assert.match(messages, /\[SHARE_UNREADABLE\]\n {2}Copy it once more/);
  }
});

test("another camera's recording of the same time gives nothing, whatever its run calls itself", async () => {
  const share = await link(72, 95);
  const keys = {
    recipients: (await cameraKeys()).recipients,
    signer: await readPrivateKey({ armoredKey: await readFile(friendSecret, 'utf8') }),
  };
  const [, other] = await recordMinutes(path.join(directory, 'others'), 2, { keys });
  const foreign = await watch(share, other.file);
  assert.deepEqual([foreign.code, foreign.output.length], [3, 0]);
  // The same camera's, but another run with the same id and times.
  const [, twin] = await recordMinutes(path.join(directory, 'twins'), 2);
  const { code, output, messages } = await watch(share, twin.file);
  assert.deepEqual([code, output.length], [2, 0]);
  assert.match(messages, /nothing of what was shared is here/);
});

test('a packet that another holder of the keys could have made is told, and the exit code with it', async () => {
  const share = await link(72, 95);
  const hurt = path.join(directory, 'hurt');
  await mkdir(hurt);
  for (const { file, fileName } of recordings) await copyFile(file, path.join(hurt, fileName));
  const target = path.join(hurt, recordings[1].fileName);
  await writeFile(target, withoutCheckpoint(recordings[1], 20));
  const { code, output, messages } = await watch(share, hurt);
  // All packets open; but for five seconds nobody vouches.
  assert.deepEqual(secondsIn(output), seconds(72, 95));
  assert.equal(code, 2);
  assert.match(messages, /tampered: 2027-01-15 08:01:20.* to 2027-01-15 08:01:25/);
});

test('a run that was shared and is not here is told, and the exit code with it', async () => {
  const share = await link(30, 150);
  const cut = path.join(directory, 'cut');
  await mkdir(cut);
  for (const { file, fileName } of [recordings[0], recordings[2]])
    await copyFile(file, path.join(cut, fileName));
  const { code, output, messages } = await watch(share, cut);
  assert.equal(code, 2, messages);
  assert.deepEqual(secondsIn(output), [...seconds(30, 60), ...seconds(120, 150)]);
  assert.equal(messages.match(/as the camera recorded it/g)?.length, 2);
  assert.match(messages, /not here: a run from 2027-01-15 08:01:00.* to 2027-01-15 08:02:00/);
  // The other runs of one file: nothing else tells of a run that was cut out of the middle.
  const joined = path.join(directory, 'joined.encrocam');
  await writeFile(joined, Buffer.concat([recordings[0].run.bytes, recordings[2].run.bytes]));
  const inOne = await watch(share, joined);
  assert.equal(inOne.code, 2, inOne.messages);
  assert.match(inOne.messages, /not here: a run from 2027-01-15 08:01:00/);
  // Whoever asks for less is not told of the rest.
  const narrowed = await watch(share, cut, ...between(35, 55));
  assert.equal(narrowed.code, 0, narrowed.messages);
  assert.doesNotMatch(narrowed.messages, /not here/);
});

test('a player is given exactly what was shared', async () => {
  const programs = path.join(directory, 'programs');
  const shown = path.join(directory, 'shown');
  await mkdir(programs);
  await writeFile(path.join(programs, 'mpv'), `#!/bin/sh\nexec cat > '${shown}'\n`, { mode: 0o755 });
  const share = path.join(directory, 'link');
  await writeFile(share, `${await link(72, 95)}\n`);
  const args = ['play', place, ...byCamera, '--share', share, '--player', 'mpv'];
  const { code, messages } = await run(args, { PATH: `${programs}:${process.env.PATH}` });
  assert.equal(code, 0, messages);
  assert.match(messages, /as the camera recorded it/);
  assert.deepEqual(secondsIn(await readFile(shown)), seconds(72, 95));
});

test('a range where nothing is, one that is open, and half an instruction are refused', async () => {
  const owner = [...byCamera, '--key', ownerSecret];
  const file = recordings[0].file;
  const empty = await run(['share', file, ...between(600, 700), ...owner, '--link']);
  assert.equal(empty.code, 1);
  assert.match(empty.messages, /nothing recorded from .*\[INPUT_UNREADABLE\]/);
  const [from, to] = [between(0, 5).slice(0, 2), between(0, 5).slice(2)];
  for (const [args, said] of [
    [['share', place, ...from, ...owner, '--link'], /Both --from and --to/],
    [['share', place, ...to, ...owner, '--link'], /Both --from and --to/],
    [['share', place, ...between(0, 5), ...owner], /--with KEY or --link/],
    [['share', place, ...between(0, 5), ...owner, '--link', '--with', friend], /--with KEY or --link/],
    [['share', place, ...between(0, 5), ...owner, '--link', '--base', 'http://a.b'], /--base/],
    [['share', place, ...between(0, 5), ...owner, '--link', '--expires', '-1d'], /is over/],
    [['share', ...between(0, 5), ...owner, '--link'], /one INPUT/],
    [['play', place, ...byCamera, '--share', 'x', '--follow'], /--follow/],
  ] as const) {
    const { code, output, messages } = await run(args, { PATH: process.env.PATH ?? '' });
    assert.deepEqual([code, output.length], [1, 0], messages);
    assert.match(messages, said);
  }
});

test('of EncroCrypt2 it says why nothing can be shared', async () => {
  const old = path.join(vectors, 'encrocrypt2/whole.encrocam');
  const args = [
    'share',
    old,
    '--from',
    '2020-01-01',
    '--to',
    '2030-01-01',
    ...byCamera,
    '--key',
    ownerSecret,
  ];
  const { code, messages } = await run([...args, '--link']);
  assert.equal(code, 1);
  assert.match(messages, /EncroCrypt2.*no part can be given away/);
});

test('from a drive, as from a directory', async () => {
  const server = await startFtpServer({ software: 'proftpd' });
  try {
    const folder = path.join(server.rootDirectory, 'front');
    await mkdir(folder);
    for (const { file, fileName } of recordings) await copyFile(file, path.join(folder, fileName));
    const address = `ftps://${server.user}@${server.host}:${server.port}/front`;
    const environment = { ENCROCAM_FTP_PASSWORD: server.password };
    const drive = [address, ...byCamera, '--ca', server.caFile];
    const made = await run(
      [
        'share',
        ...drive,
        ...between(44, 85),
        '--key',
        ownerSecret,
        '--link',
        '--base',
        'https://a.example/w',
      ],
      environment,
    );
    assert.equal(made.code, 0, made.messages);
    const share = made.output.toString().trim();
    assert.match(share, /^https:\/\/a\.example\/w#[\w-]+$/);
    const { code, output, messages } = await run(['decrypt', ...drive, '--share', share], environment);
    assert.equal(code, 0, messages);
    assert.deepEqual(secondsIn(output), seconds(44, 85));
  } finally {
    await server.stop();
  }
});

function capabilityIn(share: string): Capability {
  return decodeCapability(bytesInLink(share));
}

/** The same share with something else in it. */
function reshared(share: string, change: Partial<Capability>): string {
  return shareLink(encodeCapability({ ...capabilityIn(share), ...change }));
}

function withoutCheckpoint({ run: { packets } }: Recording, second: number): Buffer {
  const first = packets.findIndex(
    (packet) => (packet[3] ?? 0) >= 0x80 && packet.readUIntBE(10, 3) === second * 1000,
  );
  const lost = packets.findIndex((packet, index) => index > first && packet[3] === 0x02);
  return Buffer.concat(packets.filter((_, index) => index !== lost));
}
