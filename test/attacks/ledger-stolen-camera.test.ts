/** A thief has the camera, unlocked, and with it its OpenPGP key and its key for the chain: he can record and commit, from then on. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import test from 'node:test';
import { recordMinutes } from '../support/camera-recordings.ts';
import { account } from '../support/ledger-scene.ts';
import { verify } from '../support/verify-command.ts';
import { assertChainTells, committed } from './chain-scene.ts';
import { assertTold, exitCode } from './scene.ts';

const otherVideo = (): Buffer => Buffer.from('nobody was here');

test('the past recorded anew, with nothing genuine behind it, is told: the chain has the true one', async (context) => {
  const scene = await committed(context);
  const { place, recordings, notBefore } = scene;
  for (const { file } of recordings.slice(1)) await rm(file);
  await recordMinutes(place, 3, {
    ...{ minute: 1, after: recordings[0] },
    run: (minute) => ({ fill: 90 + minute, video: otherVideo, statement: { notBefore } }),
  });
  // Not told without a chain: test/attacks/rewrite-the-past.test.ts.
  await assertTold(place, exitCode.sound);
  await assertChainTells(
    scene,
    exitCode.unsound,
    /1 of 2 runs are here; missing: front-door\/rec-20270115T080100Z-60s\.encrocam/,
    /rec-20270115T080100Z-60s\.encrocam: the run of .* is of a time whose checkpoints are all here, and in none of them/,
  );
});

test('committed too, in a tree of its own, it is of a period that began after it says that it ended', async (context) => {
  const scene = await committed(context);
  const { chain, place, notBefore } = scene;
  const [forged] = await recordMinutes(place, 1, {
    minute: -20,
    run: () => ({ fill: 99, video: otherVideo, statement: { notBefore } }),
  });
  await chain.commitWithFiles(place, [forged], { first: 3.5, last: 200 });
  await assertChainTells(
    scene,
    exitCode.unsound,
    /rec-20270115T074000Z-60s\.encrocam: .* before its period, .*made later and dated back/,
    /began before block \d+ .*, which its own header names: it was dated back/,
  );
});

test('a period that the chain does not have yet can be recorded anew: what waits says so', async (context) => {
  const scene = await committed(context);
  const { place, recordings, notBefore } = scene;
  await rm(recordings[3].file);
  await recordMinutes(place, 1, {
    ...{ minute: 3, after: recordings[2] },
    run: () => ({ fill: 99, video: otherVideo, statement: { notBefore } }),
  });
  // The limit that docs/design/security.md names: as long as a period.
  await assertChainTells(
    scene,
    exitCode.sound,
    /one run is not committed yet: newer than the last checkpoint/,
  );
});

test('a new owner, whom the thief lets the camera claim, replaces nobody in the history', async (context) => {
  const scene = await committed(context);
  const { chain, place, recordings, notBefore } = scene;
  await chain.claim(4.6, account.thiefsOwner);
  await recordMinutes(place, 1, {
    ...{ minute: 4, after: recordings[3] },
    run: () => ({ statement: { notBefore } }),
  });
  await assertChainTells(
    scene,
    exitCode.unsound,
    /belongs to 0x[0-9a-f]{40} since 2027-01-15 08:04:36 .*\(the 2nd owner\)/,
    /not to 0x[0-9a-f]{40}: it was reset, and paired with another wallet/,
    /within the time that was checked, at 2027-01-15 08:04:36/,
    // What was committed before stays proven.
    /3 of 5 runs proven/,
  );
  const known = ['--ledger-camera', chain.addressOf(account.camera)];
  const asThiefs = await verify([
    place,
    ...chain.options(),
    ...known,
    '--owner',
    chain.addressOf(account.thiefsOwner),
  ]);
  assert.equal(asThiefs.exitCode, exitCode.unsound);
  assert.match(asThiefs.output, /within the time that was checked/);
});
