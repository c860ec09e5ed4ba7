/** What `encrocam export` says where something of the range is gone: nothing that was destroyed counts as whole. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { type FragmentedVideo, fragmentedVideo } from '../support/fragmented-video.ts';
import { type SyntheticRun, syntheticRun } from '../support/synthetic-run.ts';
import {
  byHand,
  commandsIn,
  exported,
  framesOf,
  framesPerPacket,
  packetsPerSecond,
  recordInRow,
  seconds,
  sharedWithLink,
} from './export-harness.ts';

let directory: string;
let place: string;
let video: FragmentedVideo;
let runs: SyntheticRun[];
let names: string[];
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'encrocam-holes-'));
  place = path.join(directory, 'front');
  await mkdir(place);
  video = await fragmentedVideo('320x180', seconds);
  runs = await recordInRow(place, video, video, video);
  names = (await readdir(place)).sort();
});
after(() => rm(directory, { recursive: true, force: true }));

/** The three recordings, changed; one that became nothing is not there. */
async function changed(
  name: string,
  change: (run: SyntheticRun, number: number) => Buffer | undefined,
): Promise<string> {
  const folder = path.join(directory, name);
  await mkdir(folder);
  for (const [number, run] of runs.entries()) {
    const bytes = change(run, number);
    if (bytes) await writeFile(path.join(folder, names[number] ?? ''), bytes);
  }
  return folder;
}

function isVideo(packet: Buffer, fromMs: number, toMs: number): boolean {
  const timeMs = packet.readUIntBE(10, 3);
  return (packet[3] ?? 0) >= 0x80 && timeMs >= fromMs && timeMs < toMs;
}

test('a range whose beginning was destroyed is not whole, for the command, its README and Python', async () => {
  const destroyed = {
    changed: (packet: Buffer): Buffer[] => {
      const copy = Buffer.from(packet);
      copy[20] = (copy[20] ?? 0) ^ 1;
      return [copy];
    },
    dropped: (): Buffer[] => [],
  };
  for (const [what, destroy] of Object.entries(destroyed)) {
    const folder = await changed(what, ({ packets, bytes }, number) =>
      number > 0
        ? bytes
        : Buffer.concat(packets.flatMap((one) => (isVideo(one, 10_000, 15_000) ? destroy(one) : [one]))),
    );
    const out = path.join(directory, `out-${what}`);
    const { code, messages } = await exported(10, 20, out, folder);
    assert.equal(code, 2, messages);
    assert.match(messages, /08:00:10\.000 .* to .*08:00:15\.000 .* (?:tampered|missing)/);
    assert.match(messages, /NOT as the camera recorded it/);
    const { copy, shell } = await byHand(`${out}-evidence`);
    const [verify = ''] = await commandsIn(copy, 'verify');
    assert.match(verify, /--from 10000 --to 20000$/);
    const verified = await shell(verify);
    assert.equal(verified.code, 1, verified.output);
    assert.match(verified.output, /"(?:tampered|missing) 10000-15000"/);
    // What is left begins with the next key frame, at 16 s; the expert gets the same pictures.
    const [decrypt = ''] = await commandsIn(copy, 'decrypt');
    assert.equal((await shell(decrypt)).code, 0);
    const frames = await framesOf(`${out}.mp4`);
    assert.equal(frames.length, 4 * packetsPerSecond * framesPerPacket);
    assert.deepEqual(await framesOf(path.join(copy, 'part-1.mp4')), frames);
  }
});

test('the README names as the end of a part what Python prints as its end', async () => {
  const out = path.join(directory, 'to-the-end');
  const { code, messages } = await exported(12, 25, out, place);
  assert.equal(code, 0, messages);
  const { copy, shell } = await byHand(`${out}-evidence`);
  const verify = await commandsIn(copy, 'verify');
  const ends = verify.map((command) => / --from (\d+) --to (\d+)$/.exec(command)?.slice(1).join('-'));
  assert.deepEqual(ends, ['12000-20000', '0-5000']);
  for (const [number, command] of verify.entries()) {
    assert.match((await shell(command)).output, new RegExp(`"intact ${ends[number]}"`));
  }
  assert.match(await readFile(path.join(copy, 'README.txt'), 'utf8'), /to 2027-01-15T08:00:20\.000Z/);
});

test('a recording that is missing between two others is told by export and share, and is not whole', async () => {
  const folder = await changed('without-second', ({ bytes }, number) => (number === 1 ? undefined : bytes));
  const out = path.join(directory, 'out-without-second');
  const { code, messages } = await exported(6, 54, out, folder);
  assert.equal(code, 2, messages);
  const told = /08:00:20\.000 .* to .*08:00:40\.000 .* missing: the recording before this one is not here/;
  assert.match(messages, told);
  assert.match(messages, /NOT as the camera recorded it/);
  const bundle = `${out}-evidence`;
  const report = JSON.parse(await readFile(path.join(bundle, 'report.json'), 'utf8')) as {
    sound: boolean;
    holes: { state: string; from: string; to: string }[];
  };
  assert.equal(report.sound, false);
  assert.deepEqual(
    report.holes.map(({ state, from, to }) => [state, from, to]),
    [['missing', '2027-01-15T08:00:20.000Z', '2027-01-15T08:00:40.000Z']],
  );
  assert.match(await readFile(path.join(bundle, 'report.txt'), 'utf8'), told);
  const readme = await readFile(path.join(bundle, 'README.txt'), 'utf8');
  assert.match(readme, /Result when made: +NOT as the camera/);
  assert.match(readme, /2027-01-15T08:00:20\.000Z to 2027-01-15T08:00:40\.000Z +missing/);
  const shared = await sharedWithLink(6, 54, folder);
  assert.equal(shared.code, 0, shared.messages);
  assert.match(shared.messages, told);
});

test('a recording that is missing at an end of the range is told by what stands beside the range', async () => {
  const folder = await changed('without-middle', ({ bytes }, number) => (number === 1 ? undefined : bytes));
  for (const [from, to, part] of [
    [5, 35, '08:00:20.000 .* to .*08:00:35.000'],
    [25, 55, '08:00:25.000 .* to .*08:00:40.000'],
  ] as const) {
    const { code, messages } = await exported(from, to, path.join(directory, `out-${from}`), folder);
    assert.equal(code, 2, messages);
    assert.match(messages, new RegExp(`${part} .* missing: the recording before this one is not here`));
  }
});

test('time before the first recording and behind the last one is told, and no fault of what is there', async () => {
  const folder = await changed('without-last', ({ bytes }, number) => (number === 2 ? undefined : bytes));
  const out = path.join(directory, 'out-without-last');
  const { code, messages } = await exported(-30, 60, out, folder);
  assert.equal(code, 0, messages);
  assert.match(messages, /07:59:30\.000 .* to .*08:00:00\.000 .* not here: .*before the first recording/);
  assert.match(messages, /08:00:40\.000 .* to .*08:01:00\.000 .* not here: .*behind the last recording/);
  assert.doesNotMatch(messages, /^As the camera recorded it\.$/m);
  const readme = await readFile(path.join(`${out}-evidence`, 'README.txt'), 'utf8');
  assert.match(readme, /2027-01-15T08:00:40\.000Z to 2027-01-15T08:01:00\.000Z +not here/);
  const whole = await exported(0, 60, path.join(directory, 'out-all'), place);
  assert.equal(whole.code, 0, whole.messages);
  assert.match(whole.messages, /^As the camera recorded it\.$/m);
});

test("a stranger's header within a run hides nothing that is behind it", async () => {
  const [header = Buffer.alloc(0)] = syntheticRun({ seconds: 1, fill: 9 }).packets;
  const folder = await changed('stranger', ({ packets, bytes }, number) => {
    if (number > 0) return bytes;
    const at = packets.findIndex((packet) => isVideo(packet, 5000, 20_000));
    return Buffer.concat([...packets.slice(0, at), header, ...packets.slice(at)]);
  });
  const foreign = new RegExp(`did not sign stands in .*${names[0]}`);
  const shared = await sharedWithLink(10, 18, folder);
  assert.equal(shared.code, 0, shared.messages);
  assert.match(shared.messages, foreign);
  const behind = await exported(10, 18, path.join(directory, 'out-behind'), folder);
  assert.equal(behind.code, 0, behind.messages);
  assert.match(behind.messages, /08:00:10\.000 .* to .*08:00:18\.000 .* intact/);
  assert.match(behind.messages, foreign);
  const across = await exported(2, 18, path.join(directory, 'out-across'), folder);
  assert.equal(across.code, 2);
  assert.match(across.messages, /08:00:05\.000 .* to .*08:00:05\.000 .* tampered/);
});

test("evidence with a stranger's header in it is not sound, here as in Python", async () => {
  const [header = Buffer.alloc(0)] = syntheticRun({ seconds: 1, fill: 9 }).packets;
  const folder = await changed('stranger-and-again', ({ packets, bytes }, number) => {
    if (number > 0) return bytes;
    // Where a checkpoint ends, and with the run's own header behind it: no packet is lost.
    const at = packets.findIndex((packet) => isVideo(packet, 5000, 20_000));
    return Buffer.concat([
      ...packets.slice(0, at),
      header,
      packets[0] ?? Buffer.alloc(0),
      ...packets.slice(at),
    ]);
  });
  const out = path.join(directory, 'out-stranger-and-again');
  const { code, messages } = await exported(2, 18, out, folder);
  assert.equal(code, 2, messages);
  const { copy, shell } = await byHand(`${out}-evidence`);
  const [verify = ''] = await commandsIn(copy, 'verify');
  assert.equal((await shell(verify)).code, 1);
});
