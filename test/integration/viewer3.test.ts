/** The owner's side with recordings of EncroCrypt3: the real command, the real codec, video of the real ffmpeg. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { cameraFile, firstMs, minuteMs, recordMinutes } from '../support/camera-recordings.ts';
import { type FragmentedVideo, fragmentedVideo } from '../support/fragmented-video.ts';

const root = path.join(import.meta.dirname, '../..');
const vectors = path.join(root, 'test/vectors/encrocrypt3');
const second = path.join(root, 'test/vectors/encrocrypt2');
const mine = ['--signed-by', cameraFile, '--key', path.join(second, 'owner.secret.asc')];
const expected = JSON.parse(await readFile(path.join(vectors, 'expected.json'), 'utf8')) as {
  files: {
    file: string;
    plaintextBytes: number;
    plaintextSha256: string;
    camera?: string;
    symmetricKey?: object;
  }[];
};
const run = promisify(execFile);
const seconds = 6;
const framesPerSecond = 16;
/** Of each run of the vectors: 30 s. */
const videoBytes = 24_000;
const secondBytes = videoBytes / 30;

let directory: string;
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'viewer3-'));
});
after(() => rm(directory, { recursive: true }));

interface Outcome {
  readonly code: number | null;
  readonly output: Buffer;
  readonly messages: string;
}

async function encrocam(args: readonly string[], input?: Buffer): Promise<Outcome> {
  const child = spawn(path.join(root, 'bin/encrocam'), args, { detached: true });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [output, messages, code] = await Promise.all([
    buffer(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
  ]);
  return { code, output, messages };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** What ffmpeg complains of while it decodes all of it, and the time of each frame in seconds. */
async function decoded(video: Buffer): Promise<{ complaints: string; times: number[] }> {
  const file = path.join(directory, `${sha256(video).slice(0, 12)}.mp4`);
  await writeFile(file, video);
  const { stderr } = await run('ffmpeg', ['-v', 'warning', '-i', file, '-f', 'null', '-']);
  const { stdout } = await run('ffprobe', [
    ...['-v', 'error', '-select_streams', 'v', '-show_entries', 'frame=pts_time', '-of', 'csv=p=0', file],
  ]);
  // ffprobe has lines of its own for what stands beside a frame.
  const times = stdout.split('\n').filter((line) => /^\d/.test(line));
  return { complaints: stderr, times: times.map(Number.parseFloat) };
}

describe('the vectors of EncroCrypt3', () => {
  const damaged = ['changed', 'left-out', 'cut', 'noise-behind-a-packet', 'cut-in-a-marker'];
  const codes: Record<string, number> = Object.fromEntries(damaged.map((name) => [`${name}.encrocam`, 2]));
  for (const { file, plaintextSha256, camera, symmetricKey } of expected.files) {
    // What nobody vouches for is put out when it is asked for; an owner without OpenPGP opens with another file.
    if (file === 'locked.encrocam' || file === 'certified-in-part.encrocam' || symmetricKey) continue;
    const theirs = camera ? ['--signed-by', path.join(vectors, camera), ...mine.slice(2)] : mine;
    const code = codes[file] ?? 0;
    test(`${file} gives the listed bytes and exit code ${code}, from a file and from standard input`, async () => {
      const outcome = await encrocam(['decrypt', path.join(vectors, file), ...theirs]);
      assert.equal(sha256(outcome.output), plaintextSha256);
      assert.equal(outcome.code, code, outcome.messages);
      // Where nothing can be read ahead, the certificate comes too late.
      if (file.startsWith('certified')) return;
      const piped = await encrocam(['decrypt', '-', ...theirs], await readFile(path.join(vectors, file)));
      assert.deepEqual([sha256(piped.output), piped.code], [plaintextSha256, code]);
    });
  }

  test('an owner with an OpenPGP key of version 6 watches a camera that has one', async () => {
    const [camera = '', owner = ''] = ['camera-6.public.asc', 'owner-6.secret.asc'].map((file) =>
      path.join(vectors, file),
    );
    const args = ['decrypt', path.join(vectors, 'version-6.encrocam'), '--signed-by', camera, '--key', owner];
    const { code, output } = await encrocam(args);
    const listed = expected.files.find(({ file }) => file === 'version-6.encrocam')?.plaintextSha256;
    assert.deepEqual([code, sha256(output)], [0, listed]);
  });

  test('what is missing is told with its time', async () => {
    const { messages } = await encrocam(['decrypt', path.join(vectors, 'left-out.encrocam'), ...mine]);
    assert.match(
      messages,
      /42 packets missing between 2027-01-15 \d\d:\d\d:09 .* and 2027-01-15 \d\d:\d\d:15/,
    );
  });

  test('what was recorded while locked is put out with --unsigned only, and the exit code says so', async () => {
    const locked = path.join(vectors, 'locked.encrocam');
    const refused = await encrocam(['decrypt', locked, ...mine]);
    assert.deepEqual([refused.code, refused.output.length], [3, 0]);
    assert.match(refused.messages, /locked.*\[NOT_AUTHENTIC\][\s\S]*--unsigned/);
    const shown = await encrocam(['decrypt', locked, '--unsigned', ...mine]);
    assert.deepEqual([shown.code, shown.output.length], [3, videoBytes]);
    assert.match(shown.messages, /not authentic/);
  });

  test('a certificate makes authentic what it reaches, and no more', async () => {
    const part = path.join(vectors, 'certified-in-part.encrocam');
    const { code, output, messages } = await encrocam(['decrypt', part, ...mine]);
    assert.deepEqual([code, output.length], [3, videoBytes / 2]);
    assert.match(messages, /not made by the camera/);
  });

  test('another camera, and another secret key, give not a byte', async () => {
    const whole = path.join(vectors, 'whole.encrocam');
    const [owner, camera] = ['owner', 'camera'].map((name) => path.join(second, `${name}.secret.asc`));
    const signer = ['--signed-by', path.join(second, 'owner.public.asc'), '--key', owner ?? ''];
    for (const unsigned of [[], ['--unsigned']]) {
      const forged = await encrocam(['decrypt', whole, ...signer, ...unsigned]);
      assert.deepEqual([forged.code, forged.output.length], [3, 0]);
    }
    const wrong = await encrocam(['decrypt', whole, '--signed-by', cameraFile, '--key', camera ?? '']);
    assert.deepEqual([wrong.code, wrong.output.length], [1, 0]);
    assert.match(wrong.messages, /\[DECRYPTION_FAILED\]/);
  });

  test('a range is cut to the packet, and begins with a key frame', async () => {
    const args = ['decrypt', path.join(vectors, 'whole.encrocam'), ...mine];
    const { output, code } = await encrocam([
      ...args,
      ...['--from', '2027-01-15T08:00:11Z', '--to', '2027-01-15T08:00:13.000Z'],
    ]);
    const all = (await readFile(path.join(second, 'whole.ts'))).subarray(0, videoBytes);
    // The key frame before 11 s stands at 10 s.
    assert.equal(code, 0);
    assert.ok(output.equals(all.subarray(10 * secondBytes, 13 * secondBytes)));
  });

  test('damage at the beginning hides nothing but what needs the header that it hit', async () => {
    const bytes = await readFile(path.join(vectors, 'whole.encrocam'));
    bytes.fill(0, 0, 300);
    const { output, code } = await encrocam(['decrypt', '-', ...mine], bytes);
    const all = (await readFile(path.join(second, 'whole.ts'))).subarray(0, videoBytes);
    // The header stands again in the middle.
    assert.equal(code, 2);
    assert.ok(output.equals(all.subarray(videoBytes / 2)));
  });
});

describe('fragments of MP4', () => {
  let video: FragmentedVideo;
  let large: FragmentedVideo;
  let loud: FragmentedVideo;
  before(async () => {
    [video, large, loud] = await Promise.all([
      fragmentedVideo('320x180', seconds),
      fragmentedVideo('640x360', seconds),
      fragmentedVideo('320x180', seconds, { sound: true, offsetSeconds: 3000 }),
    ]);
  });
  const packets = ({ initialisation, fragments }: FragmentedVideo): object => ({
    ...{ seconds, packetsPerSecond: 8, video: (index: number) => fragments[index] },
    statement: { container: 'video/mp4', initialisation },
  });

  test('one recording comes out as it went in, every frame of it', async () => {
    const [{ file }] = await recordMinutes(path.join(directory, 'one'), 1, { run: () => packets(video) });
    const { output, code, messages } = await encrocam(['decrypt', file, ...mine]);
    assert.equal(code, 0, messages);
    assert.deepEqual(output, Buffer.concat([video.initialisation, ...video.fragments]));
    const { complaints, times } = await decoded(output);
    assert.deepEqual([complaints, times.length], ['', seconds * framesPerSecond]);
  });

  test('several recordings make one video whose time goes on, with sound and without', async () => {
    for (const [name, source] of Object.entries({ video, loud })) {
      const place = path.join(directory, `several-${name}`);
      await recordMinutes(place, 3, { run: () => packets(source) });
      const { output, code, messages } = await encrocam(['decrypt', place, ...mine]);
      assert.equal(code, 0, messages);
      const { complaints, times } = await decoded(output);
      assert.equal(complaints, '');
      assert.equal(times.length, 3 * seconds * framesPerSecond);
      assert.ok((times[0] ?? 9) < 0.1);
      for (const [index, time] of times.entries()) {
        assert.ok(index === 0 || time > (times[index - 1] ?? 0), `frame ${index} at ${time} s`);
        assert.ok(time < 3 * seconds + 0.5);
      }
    }
  });

  test('a range begins with its key frame behind the initialisation', async () => {
    const [{ file }] = await recordMinutes(path.join(directory, 'range'), 1, { run: () => packets(video) });
    const from = new Date(firstMs + 3500).toISOString();
    const { output, code } = await encrocam(['decrypt', file, ...mine, '--from', from]);
    assert.equal(code, 0);
    const { complaints, times } = await decoded(output);
    // From the key frame at 2 s on.
    assert.deepEqual([complaints, times.length, times[0]], ['', 4 * framesPerSecond, 0]);
  });

  test('another resolution, and a recording of EncroCrypt2, get files of their own', async () => {
    const place = path.join(directory, 'changing');
    await recordMinutes(place, 3, { run: (minute) => packets(minute === 1 ? large : video) });
    const name = recordingAt(firstMs + 3 * minuteMs, minuteMs).fileName;
    await copyFile(path.join(second, 'whole.encrocam'), path.join(place, name));
    const file = path.join(directory, 'film.mp4');
    const { code, messages } = await encrocam(['decrypt', place, file, ...mine]);
    assert.equal(code, 0, messages);
    for (const number of ['', '.2', '.3']) {
      const part = await readFile(path.join(directory, `film${number}.mp4`));
      const { complaints, times } = await decoded(part);
      assert.deepEqual([complaints, times.length], ['', seconds * framesPerSecond]);
    }
    assert.deepEqual(
      await readFile(path.join(directory, 'film.4.ts')),
      await readFile(path.join(second, 'whole.ts')),
    );
    const piped = await encrocam(['decrypt', place, ...mine]);
    assert.equal(piped.code, 1);
    assert.match(piped.messages, /another kind of it follows[\s\S]*OUTPUT/);
  });
});

describe('recordings of both versions in one directory', () => {
  test('are decrypted in order, and listed', async () => {
    const place = path.join(directory, 'mixed');
    await mkdir(place);
    const hourMs = 3_600_000;
    const startMs = Date.UTC(2027, 0, 15, 7);
    await copyFile(
      path.join(second, 'whole.encrocam'),
      path.join(place, recordingAt(startMs, hourMs).fileName),
    );
    await copyFile(
      path.join(vectors, 'whole.encrocam'),
      path.join(place, recordingAt(startMs + hourMs, hourMs).fileName),
    );
    const { output, code, messages } = await encrocam(['decrypt', place, ...mine]);
    assert.equal(code, 0, messages);
    const video = await readFile(path.join(second, 'whole.ts'));
    assert.ok(output.equals(Buffer.concat([video, video.subarray(0, videoBytes)])));
    const list = await encrocam(['list', place]);
    assert.equal(list.code, 0);
    assert.match(list.output.toString(), /2 recordings/);
  });
});
