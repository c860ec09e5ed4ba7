import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { FragmentCutter, FragmentError } from './fragments.ts';
import type { Piece } from './stream.ts';

const run = promisify(execFile);
const maxBytes = 20_000_000;

/** Six seconds at 15 frames a second, a key frame every two, a fragment every 125 ms; with sound or without. */
async function record(...sound: string[]): Promise<Buffer> {
  const { stdout } = await run(
    'ffmpeg',
    [
      ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=15', ...sound, '-t', '6'],
      ...[
        '-c:v',
        'libx264',
        '-preset',
        'ultrafast',
        '-g',
        '30',
        '-keyint_min',
        '30',
        '-pix_fmt',
        'yuv420p',
        '-c:a',
        'aac',
      ],
      ...[
        '-f',
        'mp4',
        '-movflags',
        '+frag_keyframe+empty_moov+default_base_moof',
        '-frag_duration',
        '125000',
        '-',
      ],
    ],
    { encoding: 'buffer', maxBuffer: maxBytes },
  );
  return stdout;
}

function cut(bytes: Buffer, chunkBytes: number): Piece[] {
  const cutter = new FragmentCutter();
  const pieces: Piece[] = [];
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    pieces.push(...cutter.push(bytes.subarray(start, start + chunkBytes)));
  }
  return pieces;
}

async function frames(bytes: Buffer): Promise<string[]> {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-fragments-'));
  try {
    const file = path.join(directory, 'part.mp4');
    await writeFile(file, bytes);
    const { stdout } = await run('ffprobe', [
      ...[
        '-v',
        'error',
        '-select_streams',
        'v',
        '-show_entries',
        'frame=pict_type,pts_time',
        '-of',
        'csv=p=0',
        file,
      ],
    ]);
    return stdout.trim().split('\n');
  } finally {
    await rm(directory, { recursive: true });
  }
}

let silent: Buffer;
let loud: Buffer;
before(async () => {
  [silent, loud] = await Promise.all([record(), record('-f', 'lavfi', '-i', 'sine')]);
});

test('one initialisation, then fragments of an eighth of a second, however the bytes come', async () => {
  for (const recording of [silent, loud]) {
    const pieces = cut(recording, recording.length);
    assert.deepEqual(pieces.map(({ kind }) => kind).slice(0, 2), ['initialisation', 'media']);
    assert.ok(pieces.length > 40 && pieces.length < 60, `${pieces.length} pieces`);
    for (const chunkBytes of [1, 1000, 65_536]) assert.deepEqual(cut(recording, chunkBytes), pieces);
    assert.deepEqual(await frames(Buffer.concat(pieces.map(({ bytes }) => bytes))), await frames(recording));
  }
});

test('each fragment that begins with a key frame is told, and plays behind the initialisation alone', async () => {
  for (const recording of [silent, loud]) {
    const [first, ...fragments] = cut(recording, recording.length);
    assert.ok(first);
    const keys = fragments.flatMap((piece, index) =>
      piece.kind === 'media' && piece.isKeyFrame ? [index] : [],
    );
    assert.equal(keys.length, 3);
    assert.equal(keys[0], 0);
    for (const start of keys) {
      const rest = fragments.slice(start).map(({ bytes }) => bytes);
      const shown = await frames(Buffer.concat([first.bytes, ...rest]));
      assert.match(shown[0] ?? '', /I/);
      assert.ok(shown.length >= 30);
    }
  }
});

test('what is no fragmented MP4 is refused, and bytes behind a cut are waited for', () => {
  const cutter = new FragmentCutter();
  assert.deepEqual(cutter.push(silent.subarray(0, 20)), []);
  for (const wrong of [
    Buffer.alloc(16),
    Buffer.from('G@\u0000\u0010 no MP4 at all'),
    Buffer.from('0000000c6d6f6f6600000000', 'hex'),
  ]) {
    assert.throws(() => new FragmentCutter().push(wrong), FragmentError);
  }
});

test('fragments that begin and never end are refused, before they fill the memory', () => {
  const fragment = cut(silent, silent.length).find(({ kind }) => kind === 'media');
  assert.ok(fragment);
  const moof = fragment.bytes.subarray(0, fragment.bytes.readUInt32BE(0));
  const many = Buffer.concat(Array.from({ length: 1000 }, () => moof));
  const cutter = new FragmentCutter();
  cutter.push(silent);
  assert.throws(() => {
    for (let bytes = 0; bytes < maxBytes; bytes += many.length) assert.deepEqual(cutter.push(many), []);
  }, FragmentError);
});
