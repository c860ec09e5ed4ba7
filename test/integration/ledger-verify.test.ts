/** `encrocam verify --chain` against a real chain, through several nodes, over recordings of the real codecs. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { proofFileName } from '../../runtime/recordings/companions.ts';
import { type Recordings, recordMinutes } from '../support/camera-recordings.ts';
import { account, LedgerScene } from '../support/ledger-scene.ts';
import { startNodeProxy } from '../support/node-proxy.ts';
import { verify } from '../support/verify-command.ts';

let scene: LedgerScene;
let directory: string;
let place: string;
let recordings: Recordings[4];

before(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-chain-'));
  place = path.join(directory, 'front-door');
  scene = await LedgerScene.start();
  await scene.claim(-5);
  const notBefore = await scene.blockAt(-1);
  recordings = await recordMinutes(place, 4, { run: () => ({ statement: { notBefore } }) });
  // Two periods; the fourth recording is newer than both.
  await scene.commitWithFiles(place, recordings.slice(0, 2), { first: 0, last: 2.5 });
  await scene.commitWithFiles(place, recordings.slice(2, 3), { first: 2.5, last: 3.6 });
});
after(async () => {
  await scene.stop();
  await rm(directory, { recursive: true, force: true });
});

/** A copy of the directory, to do harm to. */
async function copy(name: string): Promise<string> {
  const target = path.join(directory, name, 'front-door');
  await cp(place, target, { recursive: true });
  return target;
}

async function removeTrees(from: string): Promise<void> {
  for (const name of await readdir(from)) if (name.startsWith('tree-')) await rm(path.join(from, name));
}

test('runs are proven with the blocks before and after them, and the newest waits', async () => {
  const { exitCode, output, errors } = await scene.verify(place);
  assert.equal(exitCode, 0, output + errors);
  assert.match(
    output,
    /08:00:00 \+00:00 to .*08:02:30 \+00:00: 2 of 2 runs; existed before block 5 at 2027-01-15 08:03:30/,
  );
  assert.match(
    output,
    /08:01:00 \+00:00 .*080100Z-60s\.encrocam; recorded after block 4 at 2027-01-15 07:59:00/,
  );
  assert.match(output, /belongs to 0x[0-9a-f]{40} since 2027-01-15 07:55:00/);
  assert.match(output, /one run is not committed yet/);
  assert.match(output, /one node alone was asked/);
  assert.match(output, /3 of 4 runs proven, as the chain has it/);
});

test('programs and the page are told the same', async () => {
  const page = path.join(directory, 'page.html');
  const { exitCode, output } = await scene.verify(place, '--json', '--html', page);
  assert.equal(exitCode, 0, output);
  const { chain } = JSON.parse(output) as { chain: { sound: boolean; runs: Record<string, unknown>[] } };
  assert.equal(chain.sound, true);
  assert.deepEqual(
    chain.runs.map(({ state }) => state),
    ['proven', 'proven', 'proven', 'not yet'],
  );
  assert.deepEqual(chain.runs[0]?.recordedAfter, { height: 4, time: '2027-01-15T07:59:00.000Z' });
  const html = await readFile(page, 'utf8');
  // A line for each of three minutes, and none for the fourth.
  assert.equal(html.match(/height="5" fill="#80d8ff"/g)?.length, 3);
  assert.match(html, /3 of 4 runs proven/);
});

test('a recording alone is checked by itself, also with nothing but its proof', async () => {
  const alone = path.join(directory, 'alone');
  const file = path.join(alone, recordings[1].fileName);
  await cp(recordings[1].file, file);
  await cp(proofFileName(recordings[1].file), proofFileName(file));
  const { exitCode, output, errors } = await scene.verify(file);
  assert.equal(exitCode, 0, output + errors);
  assert.match(output, /1 of 1 run proven/);
});

test('one that is gone is named, and told from one that never was', async () => {
  const target = await copy('gone');
  await rm(path.join(target, recordings[1].fileName));
  const { exitCode, output } = await scene.verify(target);
  assert.equal(exitCode, 2);
  assert.match(
    output,
    /1 of 2 runs are here; missing: front-door\/rec-20270115T080100Z-60s\.encrocam, 2027-01-15 08:01:00 \+00:00 for 1 min/,
  );
  assert.doesNotMatch(output, /3 of 4 runs proven/);
});

test('without tree files, proofs prove all the same, and what is gone is told by its place', async () => {
  const target = await copy('proofs');
  await removeTrees(target);
  const whole = await scene.verify(target);
  assert.equal(whole.exitCode, 0, whole.output + whole.errors);
  assert.match(whole.output, /3 of 4 runs proven/);
  await rm(path.join(target, recordings[1].fileName));
  const { exitCode, output } = await scene.verify(target);
  assert.equal(exitCode, 2);
  assert.match(output, /1 of 2 runs are here; its tree file, .*\(leaf 2\), is not here/);
});

test('tree files of another place are found where --ledger says', async () => {
  const target = await copy('elsewhere');
  await rm(target, { recursive: true });
  for (const { file, fileName } of recordings) await cp(file, path.join(target, fileName));
  const without = await scene.verify(target);
  assert.equal(without.exitCode, 2, without.output);
  assert.match(without.output, /is in no tree or proof that is here/);
  const { exitCode, output } = await scene.verify(target, '--ledger', place);
  assert.equal(exitCode, 0, output);
});

test('recordings older than the oldest are not asked for, unless --from does', async () => {
  const target = await copy('retention');
  await rm(path.join(target, recordings[0].fileName));
  const { exitCode, output } = await scene.verify(target);
  assert.equal(exitCode, 0, output);
  assert.match(output, /1 run on the chain is older than the oldest recording here/);
  const asked = await scene.verify(target, '--from', '2027-01-15T08:00Z');
  assert.equal(asked.exitCode, 2);
  assert.match(asked.output, /missing: front-door\/rec-20270115T080000Z-60s/);
});

test('a camera that files alone name is not believed; one that claims the owner is, and that is told', async () => {
  const nobody = await verify([place, ...scene.options()]);
  assert.equal(nobody.exitCode, 2);
  assert.match(nobody.output, /is the camera, files beside the recordings say, and nobody else/);
  const owner = await verify([place, ...scene.options(), '--owner', scene.addressOf(account.owner)]);
  assert.equal(owner.exitCode, 0, owner.output + owner.errors);
  assert.match(owner.output, /it says itself: anybody can claim so/);
  const stranger = await verify([place, ...scene.options(), '--owner', scene.addressOf(account.thief)]);
  assert.equal(stranger.exitCode, 2);
  assert.match(stranger.output, /none that files name belongs to/);
});

test('nodes that agree are believed, one that lies or is of another chain is not', async () => {
  const nodes = await Promise.all([1, 2, 3].map(() => startNodeProxy(scene.contracts.anvil.url)));
  try {
    const known = ['--ledger-camera', scene.addressOf(account.camera)];
    const args = [place, ...scene.options(...nodes.map(({ url }) => url)), ...known];
    const agreed = await verify(args);
    assert.equal(agreed.exitCode, 0, agreed.output + agreed.errors);
    assert.doesNotMatch(agreed.output, /one node alone/);
    const [liar] = nodes;
    assert.ok(liar);
    liar.lie = (method, _, truth) =>
      method === 'eth_call' ? String(truth).replace(/[1-9a-f](?=0*$)/, '0') : truth;
    const { exitCode, output, errors } = await verify(args);
    assert.equal(exitCode, 1);
    assert.equal(output, '');
    assert.match(errors, /CHAIN_DISAGREES/);
    assert.doesNotMatch(errors, /very-secret-key/);
    liar.lie = undefined;
    const other = await verify([...args, '--chain-id', '1']);
    assert.match(other.errors, /CHAIN_WRONG/);
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
  }
});

test('what is wrong on the command line is told before anything is read', async () => {
  const wrong: [string[], RegExp][] = [
    [['--chain'], /--rpc URL/],
    [['--chain', '--rpc', 'http://127.0.0.1:1'], /--chain-id N/],
    [['--chain', '--rpc', 'node', '--chain-id', '1'], /no address of a node/],
    [['--rpc', 'http://127.0.0.1:1'], /--rpc is for --chain/],
    [['--chain', '--sample', '3'], /--sample does not/],
    [
      ['--chain', '--rpc', 'http://127.0.0.1:1', '--chain-id', '1', '--owner', 'me'],
      /--owner is neither an address nor a key file/,
    ],
  ];
  for (const [args, told] of wrong) {
    const { exitCode, errors } = await verify([place, '--signed-by', 'nobody', ...args]);
    assert.equal(exitCode, 1);
    assert.match(errors, told);
  }
});
