/** Whoever keeps the recordings takes some away, with all that tells of them, or puts others there; the chain has what was committed. */
import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { account, writeLedgerFiles } from '../support/ledger-scene.ts';
import { verify } from '../support/verify-command.ts';
import { assertChainTells, committed } from './chain-scene.ts';
import { assertTold, exitCode, indexOfCheckpoint, indexOfSecond, rewrite } from './scene.ts';

async function removeLedgerFiles(place: string): Promise<void> {
  for (const name of await readdir(place)) if (name.endsWith('.json')) await rm(path.join(place, name));
}

test('a proven recording that is changed is told, though its end is the committed one', async (context) => {
  const scene = await committed(context);
  await rewrite(scene.recordings[1], (packets) => {
    const packet = Buffer.from(packets[indexOfSecond(32)] ?? Buffer.of());
    packet[packet.length - 1] = (packet.at(-1) ?? 0) ^ 1;
    return packets.with(indexOfSecond(32), packet);
  });
  await assertChainTells(scene, exitCode.unsound, /08:01:30 to 08:01:35 +5 s {2}tampered/);
});

test('the newest recordings, deleted at once, are named: without the chain nothing tells of them', async (context) => {
  const scene = await committed(context);
  const { recordings, place } = scene;
  for (const { file } of recordings.slice(1)) await rm(file);
  await assertTold(place, exitCode.sound);
  await assertChainTells(
    scene,
    exitCode.unsound,
    /1 of 2 runs are here; missing: front-door\/rec-20270115T080100Z-60s\.encrocam/,
    /0 of 1 runs are here; missing: front-door\/rec-20270115T080200Z-60s\.encrocam/,
  );
});

test('an emptied drive is no drive without recordings: all that the chain has is missing', async (context) => {
  const scene = await committed(context);
  for (const { file } of scene.recordings) await rm(file);
  await assertChainTells(
    scene,
    exitCode.unsound,
    /no recording/,
    /0 of 2 runs are here; missing: front-door\/rec-20270115T080000Z-60s\.encrocam/,
    /0 of 1 runs are here; missing: front-door\/rec-20270115T080200Z-60s\.encrocam/,
  );
});

test('with tree files and proofs deleted too, how many are missing is told, and what is here is not called proven', async (context) => {
  const scene = await committed(context);
  await rm(scene.recordings[1].file);
  await removeLedgerFiles(scene.place);
  await assertChainTells(
    scene,
    exitCode.unsound,
    /0 of 2 runs are here; its tree file, .*\(leaf 1, leaf 2\), is not here/,
    /rec-20270115T080000Z-60s\.encrocam: .* is in no tree or proof that is here/,
    /0 of 3 runs proven/,
  );
});

test('a tree file that leaves the removed recording out is not the one on the chain', async (context) => {
  const scene = await committed(context);
  const { chain, place, recordings } = scene;
  await rm(recordings[1].file);
  await removeLedgerFiles(place);
  const other = await committed(context);
  const kept = recordings.slice(0, 1);
  const forged = await other.chain.commit(kept, { first: 3.5, last: 4, committed: 9 });
  await writeLedgerFiles(place, { ...forged, contract: chain.contracts.addresses.checkpoints }, kept);
  await assertChainTells(
    scene,
    exitCode.unsound,
    /is not on the chain \(yet\): left out/,
    /0 of 2 runs are here/,
  );
});

test('a recording rolled back to an earlier checkpoint, and all behind it deleted, is told by its end', async (context) => {
  const scene = await committed(context);
  const { recordings, place } = scene;
  await rewrite(recordings[1], (packets) => packets.slice(0, indexOfCheckpoint(30) + 1));
  for (const { file } of recordings.slice(2)) await rm(file);
  // Without the chain it looks like a power cut, or like a recording that is still being made.
  await assertTold(place, exitCode.unsound, /without an end: it is being recorded/);
  await assertChainTells(
    scene,
    exitCode.unsound,
    /was committed with an end 30 s later before block \d+ .*: the file was cut, rolled back/,
  );
});

test("a camera of the storage's own, which claims the owner and commits what is left, deceives who does not name theirs", async (context) => {
  const { chain, place, recordings } = await committed(context);
  await removeLedgerFiles(place);
  await rm(recordings[3].file);
  await rm(recordings[2].file);
  await chain.claim(20, account.owner, account.thief);
  const left = recordings.slice(0, 2);
  await chain.commitWithFiles(place, left, { first: 0, last: 2.5, committed: 21, account: account.thief });
  const owner = ['--owner', chain.addressOf(account.owner)];
  const deceived = await verify([place, ...chain.options(), ...owner]);
  assert.equal(deceived.exitCode, exitCode.sound, deceived.output + deceived.errors);
  assert.match(deceived.output, /is a camera of yours, it says itself: anybody can claim so/);
  await assertChainTells({ chain, place }, exitCode.unsound, /0 of 1 runs are here/);
});
