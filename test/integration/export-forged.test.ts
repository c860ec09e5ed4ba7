/** What an expert sees of a bundle whose maker is not to be trusted, or was careless: the reader says so in a sentence. */
import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fingerprintOf } from '../../runtime/pgp/keys.ts';
import { cameraFile, cameraKeys } from '../support/camera-recordings.ts';
import { fragmentedVideo } from '../support/fragmented-video.ts';
import { byHand, commandsIn, exported, recordInRow, run, seconds, vectors } from './export-harness.ts';

const reader = path.join(import.meta.dirname, '../../runtime/sharing/encrocrypt3.py');
const whole = path.join(vectors, '../encrocrypt3/whole.encrocam');
let directory: string;
let bundle: string;
let verify: string;
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'encrocam-forged-'));
  const place = path.join(directory, 'front');
  await mkdir(place);
  await recordInRow(place, await fragmentedVideo('320x180', seconds));
  const made = await exported(6, 14, path.join(directory, 'made'), place);
  assert.equal(made.code, 0, made.messages);
  bundle = path.join(directory, 'made-evidence');
  [verify = ''] = await commandsIn(bundle, 'verify');
});
after(() => rm(directory, { recursive: true, force: true }));

function read(...args: string[]): ReturnType<typeof run> {
  return run('python3', [reader, ...args], { cwd: directory });
}

test('a second key in camera.public.asc is refused: a forger could have signed with it', async () => {
  const { shell } = await byHand(bundle, async (copy) => {
    const other = await readFile(path.join(vectors, 'owner.public.asc'));
    await appendFile(path.join(copy, 'camera.public.asc'), other);
  });
  const { code, output, messages } = await shell(verify);
  assert.equal(code, 1);
  assert.equal(output, '');
  assert.match(messages, /camera\.public\.asc holds 2 OpenPGP keys: it must hold the camera's, and no other/);
});

test('whose key vouches is printed, as the README names it, to be compared', async () => {
  const { shell, copy } = await byHand(bundle);
  const [report] = JSON.parse((await shell(verify)).output) as { camera: string }[];
  const fingerprint = fingerprintOf((await cameraKeys()).signer);
  assert.equal(report?.camera, fingerprint);
  const readme = await readFile(path.join(copy, 'README.txt'), 'utf8');
  assert.match(readme, new RegExp(`Camera \\(OpenPGP\\): +${fingerprint}`));
  assert.match(readme, /and no other key/);
});

test('the README has the reader itself compared with the published one', async () => {
  const readme = await readFile(path.join(bundle, 'README.txt'), 'utf8');
  assert.match(readme, /Is encrocrypt3\.py the published reader\?[\s\S]*sha256sum encrocrypt3\.py/);
  const guide = await readFile(path.join(import.meta.dirname, '../../docs/guide/export.md'), 'utf8');
  const { output } = await run('sha256sum', [path.join(bundle, 'encrocrypt3.py')]);
  assert.ok(
    guide.includes(output.slice(0, 64)),
    `docs/guide/export.md: the reader is ${output.slice(0, 64)}`,
  );
});

test('a key that is missing or none, nodes that are none, and a file that is not there are told in a sentence', async () => {
  const empty = path.join(directory, 'empty');
  await writeFile(empty, '');
  const cases: [string[], number, RegExp][] = [
    [['verify', whole], 2, /verify needs --camera/],
    [['verify', whole, '--camera', 'absent.asc'], 1, /^absent\.asc holds 0 OpenPGP keys/],
    [['verify', whole, '--camera', empty], 1, /empty holds 0 OpenPGP keys/],
    [['verify', 'absent', '--camera', cameraFile], 1, /^FileNotFoundError: .*absent/],
    [['decrypt', whole, '--nodes', empty], 1, /^JSONDecodeError: /],
  ];
  for (const [args, expected, words] of cases) {
    const { code, messages } = await read(...args);
    assert.doesNotMatch(messages, /Traceback/, args.join(' '));
    assert.equal(code, expected, messages);
    assert.match(messages, words);
  }
});

test('decrypting nothing is no success', async () => {
  const nodes = path.join(directory, 'wrong.json');
  await writeFile(nodes, JSON.stringify([{ depth: 0, index: 0, key: '09'.repeat(32) }]));
  const { code, messages } = await read('decrypt', whole, '--nodes', nodes);
  assert.equal(code, 1);
  assert.match(messages, /^nothing of it opens$/m);
});
