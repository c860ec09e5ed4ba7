/**
 * A video as evidence: what `encrocam export` writes is checked by Python alone, in an empty directory without network and without
 * anything of ours but the bundle.
 */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fingerprintOf } from '../../runtime/pgp/keys.ts';
import { TransportStreamCutter } from '../../runtime/recorder/transport-stream.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { cameraFile, cameraKeys, firstMs } from '../support/camera-recordings.ts';
import { type FragmentedVideo, fragmentedVideo } from '../support/fragmented-video.ts';
import { certificateOf, type SyntheticRun, signedRun } from '../support/synthetic-run.ts';
import {
  byHand,
  commandsIn,
  exported as exportedFrom,
  framesOf,
  framesPerPacket,
  type Outcome,
  packetsPerSecond,
  recordInRow,
  run,
  seconds,
  vectors,
} from './export-harness.ts';
import { encrocam } from './recorder-harness.ts';

let directory: string;
let place: string;
let video: FragmentedVideo;
let recordings: SyntheticRun[];
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'encrocam-export-'));
  place = path.join(directory, 'front');
  await mkdir(place);
  video = await fragmentedVideo('320x180', seconds);
  recordings = await recordInRow(place, video, video);
});
after(() => rm(directory, { recursive: true, force: true }));

function exported(
  from: number,
  to: number,
  out: string,
  input = place,
  env: NodeJS.ProcessEnv = {},
  more: readonly string[] = [],
): Promise<Outcome> {
  return exportedFrom(from, to, out, input, env, more);
}

interface Report {
  readonly state: string;
  readonly from: string;
  readonly to: string;
  readonly stretches: readonly string[];
}

test('Python alone finds the evidence intact, and gets the frames of the MP4 out of it', async () => {
  const out = path.join(directory, 'burglary');
  const made = await exported(6, 14, out);
  assert.equal(made.code, 0, made.messages);
  assert.match(made.messages, /part-1\.encrocam, signed by [0-9A-F]{40}/);
  assert.doesNotMatch(made.messages, /Warning/);
  assert.match(made.messages, /08:00:06.* to 2027-01-15 08:00:14.* intact/);
  assert.match(made.messages, /before .*08:00:06.* and after .*08:00:14.*: not part of this bundle/);
  const { copy, shell } = await byHand(`${out}-evidence`);
  assert.equal((await shell('sha256sum -c SHA256SUMS')).code, 0);
  const [verify = '', ...others] = await commandsIn(copy, 'verify');
  assert.equal(others.length, 0);
  const verified = await shell(verify);
  assert.equal(verified.code, 0, verified.messages);
  assert.deepEqual(
    (JSON.parse(verified.output) as Report[]).map(({ state, from, to, stretches }) => ({
      state,
      from,
      to,
      stretches,
    })),
    [
      {
        state: 'signed',
        from: '2027-01-15T08:00:06Z',
        to: '2027-01-15T08:00:14Z',
        stretches: ['intact 6000-14000'],
      },
    ],
  );
  const [decrypt = ''] = await commandsIn(copy, 'decrypt');
  assert.equal((await shell(decrypt)).code, 0);
  const frames = await framesOf(`${out}.mp4`);
  assert.equal(frames.length, 8 * packetsPerSecond * framesPerPacket);
  assert.deepEqual(await framesOf(path.join(copy, 'part-1.mp4')), frames);
  const original = path.join(directory, 'original.mp4');
  await writeFile(original, Buffer.concat([video.initialisation, ...video.fragments]));
  const perSecond = packetsPerSecond * framesPerPacket;
  assert.deepEqual(frames, (await framesOf(original)).slice(6 * perSecond, 14 * perSecond));
});

test('the MP4 is an ordinary one: one moov, in front of the pictures', async () => {
  const out = path.join(directory, 'ordinary');
  assert.equal((await exported(5, 9, out)).code, 0);
  const bytes = await readFile(`${out}.mp4`);
  const boxes: string[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at))
    boxes.push(bytes.toString('latin1', at + 4, at + 8));
  assert.deepEqual(
    boxes.filter((type) => type !== 'free'),
    ['ftyp', 'moov', 'mdat'],
  );
  // From 5 s on it needs the key frame at 4 s.
  assert.equal((await framesOf(`${out}.mp4`)).length, 5 * packetsPerSecond * framesPerPacket);
  assert.equal((await stat(`${out}.mp4`)).mode & 0o777, 0o600);
  assert.equal((await stat(`${out}-evidence`)).mode & 0o777, 0o700);
});

test('one changed byte anywhere in the packets of the range is told by Python as tampered', async () => {
  const out = path.join(directory, 'tampered');
  assert.equal((await exported(6, 14, out)).code, 0);
  const { length } = await readFile(path.join(`${out}-evidence`, 'part-1.encrocam'));
  for (const place of [0.3, 0.5, 0.7]) {
    const { copy, shell } = await byHand(`${out}-evidence`, async (bundle) => {
      const file = path.join(bundle, 'part-1.encrocam');
      const bytes = await readFile(file);
      const position = Math.floor(length * place);
      bytes[position] = (bytes[position] ?? 0) ^ 1;
      await writeFile(file, bytes);
    });
    const [verify = ''] = await commandsIn(copy, 'verify');
    const { code, output } = await shell(verify);
    assert.equal(code, 1);
    assert.match(output, /"tampered \d+-\d+"/);
    assert.notEqual((await shell('sha256sum -c SHA256SUMS')).code, 0);
  }
});

test('what was cut off from the evidence, or belongs to another camera, does not pass either', async () => {
  const out = path.join(directory, 'cut');
  assert.equal((await exported(6, 14, out)).code, 0);
  const cut = await byHand(`${out}-evidence`, async (bundle) => {
    const file = path.join(bundle, 'part-1.encrocam');
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, Math.floor(bytes.length * 0.6)));
  });
  const [verify = ''] = await commandsIn(cut.copy, 'verify');
  assert.equal((await cut.shell(verify)).code, 1);
  const foreign = await byHand(`${out}-evidence`, async (bundle) => {
    await cp(path.join(vectors, 'owner.public.asc'), path.join(bundle, 'camera.public.asc'));
  });
  const { code, output } = await foreign.shell(verify);
  assert.equal(code, 1);
  assert.match(output, /"not authentic"/);
});

test('the keys in the evidence open its segments and nothing beside them', async () => {
  const out = path.join(directory, 'keys');
  assert.equal((await exported(11, 14, out)).code, 0);
  const nodes = path.join(`${out}-evidence`, 'part-1.nodes.json');
  const { shell, copy } = await byHand(`${out}-evidence`);
  const [first] = recordings;
  await writeFile(path.join(copy, 'all.encrocam'), first?.bytes ?? '');
  assert.equal((JSON.parse(await readFile(nodes, 'utf8')) as unknown[]).length, 1);
  assert.equal(
    (await shell('python3 encrocrypt3.py decrypt all.encrocam --nodes part-1.nodes.json > all.mp4')).code,
    0,
  );
  const opened = await readFile(path.join(copy, 'all.mp4'));
  const given = video.fragments.slice(10 * packetsPerSecond, 20 * packetsPerSecond);
  assert.ok(opened.equals(Buffer.concat([video.initialisation, ...given])));
});

test("the camera's signature is checked by hand with gpg, and the bundle's share with encrocam", async () => {
  const out = path.join(directory, 'hand');
  assert.equal((await exported(6, 14, out)).code, 0);
  const { shell, copy } = await byHand(`${out}-evidence`);
  const checked = await shell(
    'mkdir -m 700 ring && gpg --homedir ring --import camera.public.asc && gpg --homedir ring --verify part-1.signed.sig part-1.signed.txt; code=$?; gpgconf --homedir ring --kill all; exit $code',
  );
  assert.equal(checked.code, 0, checked.messages);
  const [part, share] = ['part-1.encrocam', 'share.txt'].map((name) => path.join(copy, name)) as [
    string,
    string,
  ];
  const watched = await run(encrocam, [
    'decrypt',
    part,
    path.join(copy, 'shared.mp4'),
    '--signed-by',
    cameraFile,
    '--share',
    share,
  ]);
  assert.equal(watched.code, 0, watched.messages);
  assert.deepEqual(await framesOf(path.join(copy, 'shared.mp4')), await framesOf(`${out}.mp4`));
});

test('a range over two recordings is one video and two parts, each of which is checked', async () => {
  const out = path.join(directory, 'over-two');
  const made = await exported(16, 25, out);
  assert.equal(made.code, 0, made.messages);
  const { copy, shell } = await byHand(`${out}-evidence`);
  const [verify, decrypt] = await Promise.all([commandsIn(copy, 'verify'), commandsIn(copy, 'decrypt')]);
  assert.deepEqual([verify.length, decrypt.length], [2, 2]);
  for (const command of [...verify, ...decrypt]) assert.equal((await shell(command)).code, 0, command);
  const parts = [
    await framesOf(path.join(copy, 'part-1.mp4')),
    await framesOf(path.join(copy, 'part-2.mp4')),
  ];
  assert.deepEqual(
    parts.map(({ length }) => length / packetsPerSecond / framesPerPacket),
    [4, 5],
  );
  assert.deepEqual(await framesOf(`${out}.mp4`), parts.flat());
});

test('recordings whose pictures differ are not joined', async () => {
  const folder = path.join(directory, 'sizes');
  await mkdir(folder);
  await recordInRow(folder, video, await fragmentedVideo('160x90', seconds));
  const out = path.join(directory, 'two-sizes');
  const made = await exported(16, 25, out, folder);
  assert.equal(made.code, 0, made.messages);
  const frames = await Promise.all([1, 2].map((number) => framesOf(`${out}-${number}.mp4`)));
  assert.deepEqual(
    frames.map(({ length }) => length / packetsPerSecond / framesPerPacket),
    [4, 5],
  );
  assert.ok(!(await readdir(directory)).includes('two-sizes.mp4'));
});

test('MPEG-TS becomes an MP4 with the same frames', async () => {
  const out = path.join(directory, 'stream');
  const input = path.join(vectors, '../encrocrypt3/whole.encrocam');
  const made = await exported(0, 30, out, input);
  assert.equal(made.code, 0, made.messages);
  const { copy, shell } = await byHand(`${out}-evidence`);
  const [decrypt = ''] = await commandsIn(copy, 'decrypt');
  assert.match(decrypt, /> part-1\.ts$/);
  assert.equal((await shell(decrypt)).code, 0);
  const frames = await framesOf(`${out}.mp4`);
  assert.ok(frames.length > 5);
  assert.deepEqual(frames, await framesOf(path.join(copy, 'part-1.ts')));
});

test('out of the middle of MPEG-TS, the MP4 begins with the key frame before the range', async () => {
  const perSecond = 16;
  const encoder = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-tune',
    'zerolatency',
    '-g',
    String(2 * perSecond),
  ];
  const source = ['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=${perSecond}`, '-t', String(seconds)];
  const file = path.join(directory, 'source.ts');
  const tables = ['-pix_fmt', 'yuv420p', '-f', 'mpegts', '-pat_period', '1', file];
  assert.equal((await run('ffmpeg', ['-v', 'error', ...source, ...encoder, ...tables])).code, 0);
  const groups: Buffer[][] = [];
  for (const piece of new TransportStreamCutter().push(await readFile(file))) {
    if (piece.kind === 'media' && piece.isKeyFrame) groups.push([]);
    groups.at(-1)?.push(piece.bytes);
  }
  assert.equal(groups.length, seconds / 2);
  const folder = path.join(directory, 'transport');
  await mkdir(folder);
  // Two packets for each group of pictures: the second takes the rest of it.
  const video = (index: number): Buffer => {
    const group = Buffer.concat(groups[index >> 1] ?? []);
    return index % 2 === 0 ? group.subarray(0, 5000) : group.subarray(5000);
  };
  const made = await signedRun(await cameraKeys(), {
    ...{ seconds, packetsPerSecond: 1, video, statement: { startMs: firstMs } },
  });
  await writeFile(path.join(folder, recordingAt(firstMs, 20_000).fileName), made.bytes);
  const out = path.join(directory, 'from-transport');
  const outcome = await exported(7, 12, out, folder);
  assert.equal(outcome.code, 0, outcome.messages);
  const frames = await framesOf(`${out}.mp4`);
  assert.deepEqual(frames, (await framesOf(file)).slice(6 * perSecond, 12 * perSecond));
  const { copy, shell } = await byHand(`${out}-evidence`);
  const [decrypt = ''] = await commandsIn(copy, 'decrypt');
  assert.equal((await shell(decrypt)).code, 0);
  assert.deepEqual(await framesOf(path.join(copy, 'part-1.ts')), frames);
});

test('a run that the camera certified later takes its certificate along', async () => {
  const keys = await cameraKeys();
  const folder = path.join(directory, 'locked');
  await mkdir(folder);
  const locked = await signedRun(keys, {
    ...{
      isLocked: true,
      seconds,
      packetsPerSecond,
      video: (index) => video.fragments[index] ?? Buffer.alloc(0),
    },
    statement: { startMs: firstMs, container: 'video/mp4', initialisation: video.initialisation },
  });
  const file = path.join(folder, recordingAt(firstMs, 20_000).fileName);
  await writeFile(file, Buffer.concat([locked.bytes, await certificateOf(locked, keys)]));
  const out = path.join(directory, 'certified');
  const made = await exported(3, 8, out, folder);
  assert.equal(made.code, 0, made.messages);
  assert.match(made.messages, new RegExp(`certified later by ${fingerprintOf(keys.signer)}`));
  const { copy, shell } = await byHand(`${out}-evidence`);
  const [verify = ''] = await commandsIn(copy, 'verify');
  const { code, output } = await shell(verify);
  assert.equal(code, 0, output);
  assert.match(output, /"certified"/);
  // Without it nobody vouches: exported only if that is asked for, and said.
  await writeFile(file, locked.bytes);
  const refused = await exported(3, 8, path.join(directory, 'refused'), folder);
  assert.equal(refused.code, 1);
  assert.match(refused.messages, /nobody signed it.*--unsigned/);
  const bare = await exported(3, 8, path.join(directory, 'bare'), folder, {}, ['--unsigned']);
  assert.equal(bare.code, 2);
  assert.match(bare.messages, /signed by nobody[\s\S]*NOT as the camera recorded it/);
});

test('damage in the range is exported as it is, and told', async () => {
  const folder = path.join(directory, 'damaged');
  await cp(place, folder, { recursive: true });
  const [name = ''] = (await readdir(folder)).sort();
  const file = path.join(folder, name);
  const bytes = await readFile(file);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  await writeFile(file, bytes);
  const out = path.join(directory, 'with-damage');
  const { code, messages } = await exported(6, 14, out, folder);
  assert.equal(code, 2);
  assert.match(messages, /tampered[\s\S]*NOT as the camera recorded it/);
  const { copy, shell } = await byHand(`${out}-evidence`);
  const [verify = ''] = await commandsIn(copy, 'verify');
  assert.equal((await shell(verify)).code, 1);
  assert.match(await readFile(path.join(copy, 'README.txt'), 'utf8'), /Result when made: +NOT as the camera/);
});

test('of a range in which everything was destroyed there is evidence, and no video', async () => {
  const folder = path.join(directory, 'destroyed');
  await cp(place, folder, { recursive: true });
  const [name = ''] = (await readdir(folder)).sort();
  const hurt = (recordings[0]?.packets ?? []).map((packet) => {
    if ((packet[3] ?? 0) < 0x80) return packet;
    const copy = Buffer.from(packet);
    copy[20] = (copy[20] ?? 0) ^ 1;
    return copy;
  });
  await writeFile(path.join(folder, name), Buffer.concat(hurt));
  const out = path.join(directory, 'gone');
  const { code, messages } = await exported(6, 14, out, folder);
  assert.equal(code, 2, messages);
  assert.match(messages, /tampered/);
  assert.ok(!(await readdir(directory)).includes('gone.mp4'));
  const { copy, shell } = await byHand(`${out}-evidence`);
  const [verify = ''] = await commandsIn(copy, 'verify');
  assert.match((await shell(verify)).output, /"tampered 6000-14000"/);
  assert.match(await readFile(path.join(copy, 'README.txt'), 'utf8'), /There is none: nothing/);
});

test('without ffmpeg, with names that are taken, and with nothing in the range, nothing is left behind', async () => {
  const bare = path.join(directory, 'bin');
  await mkdir(bare);
  // What bin/encrocam itself needs.
  for (const name of ['readlink', 'dirname']) await symlink(`/usr/bin/${name}`, path.join(bare, name));
  const out = path.join(directory, 'nothing');
  const missing = await exported(6, 14, out, place, { PATH: bare });
  assert.equal(missing.code, 1);
  assert.match(missing.messages, /ffmpeg is not installed.*\[PROGRAM_MISSING\]\n.*apt install ffmpeg/);
  await writeFile(`${out}.mp4`, 'mine');
  const taken = await exported(6, 14, out);
  assert.equal(taken.code, 1);
  assert.match(taken.messages, /nothing\.mp4 exists already/);
  assert.equal(await readFile(`${out}.mp4`, 'utf8'), 'mine');
  const empty = await exported(
    600,
    700,
    path.join(directory, 'empty'),
    path.join(place, (await readdir(place))[0] ?? ''),
  );
  assert.equal(empty.code, 1);
  assert.match(empty.messages, /nothing recorded/);
  const left = (await readdir(directory)).filter((name) => /^(?:nothing|empty)/.test(name));
  assert.deepEqual(left, ['nothing.mp4']);
});
