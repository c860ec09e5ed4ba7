/**
 * A camera's life on one card: set up by an answers file, recording, and everything that happens to it afterwards.
 * Each scenario goes on where the one before left the machine; each is judged by what came out of the drive.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before } from 'node:test';
import type { Card } from './card.ts';
import { assertFramesInOrder, cameraName, gapsIn, Home, passphrase, recordingNames } from './home.ts';
import { CardBox } from './image.ts';
import { Machine } from './machine.ts';
import { scenarios } from './report.ts';
import {
  assertHealthy,
  bytesOnCard,
  cardWithAnswers,
  frameOnCard,
  MortalMachine,
  pretendClockWasSet,
  recordingsGrow,
  secondsToFirstFrame,
  statusOf,
  unlock,
  unlocked,
  unlockPrompt,
  wrongPassphrase,
} from './scene.ts';

/** Twice what the image itself takes, rounded up. */
const largeCardBytes = 6 * 1024 ** 3;
const minuteMs = 60_000;
/** Nobody is there to give the passphrase for so long, at least. */
const lockedForMs = 20_000;
/** What stands on the first virtual terminal, which a screen shows. */
const screenText = '/dev/vcs1';
/** Enough for several seconds of video at the least bit rate. */
const someVideoBytes = 60_000;
/** What may be missing before a power cut: 2 s until the recorder flushes, and what encoding holds back. */
const lostByCutMs = 8000;

let home: Home;
let cards: CardBox;
let card: Card;
let mortal: MortalMachine;
let machine: Machine;
let lockedFromMs: number;
let unlockedMs: number;
before(async () => {
  home = await Home.open();
  cards = CardBox.open();
});
const scenario = scenarios('life');
after(async () => {
  cards?.close();
  await home?.close();
});

/** Waits until the drive has `bytes` more than now. */
async function seesMoreVideo(bytes = someVideoBytes): Promise<void> {
  await home.driveGrowsBeyond((await home.bytesOnDrive()) + bytes);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

scenario(
  'an answers file sets a camera up unattended; recordings take all of a larger card',
  async (notes) => {
    card = await cardWithAnswers(cards, home, { sizeBytes: largeCardBytes });
    mortal = await MortalMachine.start(cards, { name: 'life', card });
    machine = mortal.machine;
    notes.attach(machine.console.transcriptFile);
    await machine.agent.ready();
    notes.measure({ name: 'power-on to a running system', value: machine.uptimeSeconds, unit: 's' });
    await pretendClockWasSet(machine);
    await home.driveGrowsBeyond(someVideoBytes);
    notes.measure({ name: 'power-on to video on the drive', value: machine.uptimeSeconds, unit: 's' });
    const film = await home.watch();
    assertFramesInOrder(film.frames);
    assert.match(film.frames[0]?.text ?? '', /\+0[12]00$/, 'the burnt-in time is not that of Europe/Berlin');

    const others = (await card.partitions()).filter(({ name }) => name !== 'recordings');
    const room = largeCardBytes - others.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    await recordingsGrow(machine, 0.93 * room);
    await machine.agent.until('test -e /var/lib/encrocam/provision/done');
    await assertHealthy(machine);
    assert.equal(await machine.agent.run('hostname'), 'garden');
  },
);

scenario(
  'a power cut while recording loses seconds, and no secret lies in the open on the card',
  async (notes) => {
    await seesMoreVideo();
    const cutMs = Date.now();
    card = await mortal.powerCut();
    const files = await card.listBoot();
    assert.ok(!files.includes('encrocam.json'), `the boot partition still has ${files}`);
    // Programs know the words around a key: what is looked for is a line of this one.
    const keyLine = home.cameraSecretKey.split('\n').find((line) => /^[A-Za-z0-9+/]{60,}$/.test(line));
    assert.ok(keyLine !== undefined);
    const secrets = [passphrase, home.drive.password, keyLine];
    for (const partition of ['boot', 'root', 'recordings']) {
      assert.deepEqual(await card.textsOn(partition, secrets), [], `secrets in the clear on ${partition}`);
    }
    // What is looked for would be found: the public half of the key is told on the boot partition.
    assert.equal((await card.textsOn('boot', ['BEGIN PGP PUBLIC KEY'])).length, 1);
    for (const partition of ['root', 'recordings']) assert.equal(await card.mend(partition), '');
    await card.extract('recordings', `/${cameraName}`, home.directory);
    const local = await home.watch(path.join(home.directory, cameraName));
    assertFramesInOrder(local.frames);
    const lostMs = cutMs - (local.frames.at(-1)?.timeMs ?? 0);
    notes.measure({ name: 'video lost by the cut', value: lostMs / 1000, unit: 's' });
    assert.ok(lostMs < lostByCutMs, `the card has nothing of the last ${lostMs} ms`);
    // What is on the drive is never more than a camera that lost its memory can go on from.
    assert.equal((await home.watch()).frames[0]?.text, local.frames[0]?.text);
  },
);

scenario(
  'without a network the prompt comes as soon; locked, it records, and after two wrong passphrases the right one unlocks',
  async (notes) => {
    const powerOnMs = Date.now();
    machine = await Machine.start({ name: 'life', card, cable: 'unplugged' });
    notes.attach(machine.console.transcriptFile);
    const { console } = machine;
    await console.expect(/It records meanwhile/);
    await console.answer(unlockPrompt, 'not this one');
    notes.measure({ name: 'power-on to the prompt, offline', value: machine.uptimeSeconds, unit: 's' });
    const onCard = await bytesOnCard(machine);
    await frameOnCard(machine, onCard);
    notes.measure({
      name: 'power-on to encrypted video, locked',
      value: await secondsToFirstFrame(machine),
      unit: 's',
    });
    lockedFromMs = powerOnMs;
    await pause(lockedForMs);
    await frameOnCard(machine, (await bytesOnCard(machine)) + someVideoBytes);
    assert.equal((await console.expect(wrongPassphrase))[1], '1');
    await console.answer(unlockPrompt, 'nor this one');
    assert.equal((await console.expect(wrongPassphrase))[1], '2');
    assert.doesNotMatch(await statusOf(machine), /recording/i);
    await unlock(console);
    unlockedMs = Date.now();
    assert.doesNotMatch(console.text, new RegExp(passphrase), 'the passphrase was shown');
    await machine.agent.until('systemctl is-active encrocam-record encrocam-sync');
    await console.expect('login: ');
    await assertHealthy(machine);
  },
);

scenario('what was recorded without a network reaches the drive once the cable is in', async () => {
  const before = await home.bytesOnDrive();
  await frameOnCard(machine, before + 2 * someVideoBytes);
  assert.equal(await home.bytesOnDrive(), before, 'the drive grew without a cable');
  await machine.plugCable();
  await home.driveGrowsBeyond(before + 2 * someVideoBytes);
  const film = await home.watch();
  assertFramesInOrder(film.frames);
  // One gap: from the power cut to the next start's first frame. None where it was unlocked.
  const gaps = gapsIn(film.frames);
  assert.equal(gaps.length, 1, JSON.stringify(gaps));
  assert.ok((gaps[0]?.afterMs ?? 0) < lockedFromMs, 'the gap is none of the power cut');
  assert.ok((gaps[0]?.afterMs ?? 0) + (gaps[0]?.lengthMs ?? 0) < unlockedMs - lockedForMs);
});

scenario(
  'whoever checks the drive sees what was recorded while locked, certified, and what was not',
  async () => {
    const { intervals, problems } = await home.verify();
    assert.deepEqual(problems, []);
    const locked = intervals.filter(({ cause }) => cause?.startsWith('recorded while locked, certified'));
    assert.equal(locked.length, 1, JSON.stringify(intervals));
    const lengthMs = Date.parse(locked[0]?.to ?? '') - Date.parse(locked[0]?.from ?? '');
    assert.ok(lengthMs > lockedForMs, `only ${lengthMs} ms were recorded while locked`);
    const next = intervals[intervals.indexOf(locked[0] as (typeof intervals)[number]) + 1];
    // A picture's time at the least; the camera has five a second.
    const betweenMs = Date.parse(next?.from ?? '') - Date.parse(locked[0]?.to ?? '');
    assert.ok(betweenMs < 1000, `${betweenMs} ms are missing where it was unlocked`);
    // What the power cut took, a camera that was slow to come, and nothing else.
    const fine = ['intact', 'not recorded', 'unfinished', 'being recorded', 'gap'];
    assert.ok(
      intervals.every(({ state }) => fine.includes(state)),
      JSON.stringify(intervals),
    );
  },
);

scenario('a link that is down for a minute leaves no gap', async () => {
  const beforeMs = Date.now();
  await machine.unplugCable();
  await pause(minuteMs);
  await machine.plugCable();
  await seesMoreVideo();
  await assertNoGapSince(beforeMs, Date.now() - 10_000);
});

scenario('a drive that is gone for a minute leaves no gap', async () => {
  const beforeMs = Date.now();
  await home.drive.kill();
  await pause(minuteMs);
  await home.drive.restart();
  await seesMoreVideo();
  await assertNoGapSince(beforeMs, Date.now() - 10_000);
});

scenario(
  'a camera that is unplugged leaves a gap as long as it was away, and records again',
  async (notes) => {
    const awayMs = 20_000;
    const beforeMs = Date.now();
    await machine.unplugCamera();
    await pause(awayMs);
    await machine.plugCamera();
    await seesMoreVideo();
    const gaps = gapsIn((await home.watch()).frames).filter(({ afterMs }) => afterMs > beforeMs - 3000);
    assert.equal(gaps.length, 1, JSON.stringify(gaps));
    const lengthMs = gaps[0]?.lengthMs ?? 0;
    notes.measure({ name: 'gap', value: lengthMs / 1000, unit: 's' });
    // Looked for again after at most 30 s; opening and encoding take seconds here.
    assert.ok(lengthMs >= awayMs - 2000 && lengthMs < awayMs + 45_000, `the gap is ${lengthMs} ms long`);
    const journal = await machine.agent.run(
      'journalctl -b -u encrocam-record -o cat --no-pager | grep -i gap',
    );
    assert.notEqual(journal, '');
  },
);

scenario('a full disk is told loudly, and recording goes on once there is room', async (notes) => {
  const fullMs = Date.now();
  await machine.agent.run(
    'cd /var/lib/encrocam/recordings && fallocate -l $(df -B1 --output=avail . | tail -1) filler; df -B1 --output=avail . | tail -1',
  );
  await machine.agent.until('encrocam status | grep "disk full"', { timeoutMs: 60_000 });
  await machine.agent.run('systemctl is-active encrocam-record');
  await pause(10_000);
  await machine.agent.run('rm /var/lib/encrocam/recordings/filler');
  await seesMoreVideo();
  const film = await home.watch();
  const gaps = gapsIn(film.frames).filter(({ afterMs }) => afterMs > fullMs - 3000);
  assertFramesInOrder(film.frames);
  assert.equal(gaps.length, 1, JSON.stringify(gaps));
  notes.measure({ name: 'gap', value: (gaps[0]?.lengthMs ?? 0) / 1000, unit: 's' });
});

scenario(
  'after an orderly end nothing is missing; the next start is unlocked over SSH, and the console is told',
  async (notes) => {
    await machine.powerOff();
    const [last] = (await recordingNames(home.recordingsDirectory)).slice(-1);
    assert.ok(last !== undefined);
    machine = await Machine.start({ name: 'life', card });
    notes.attach(machine.console.transcriptFile);
    await machine.console.expect(unlockPrompt);
    notes.measure({ name: 'power-on to the prompt', value: machine.uptimeSeconds, unit: 's' });
    const before = await home.bytesOnDrive();
    const beforeOnCard = await bytesOnCard(machine);
    const session = await machine.ssh('unlock', home.sshIdentityFile);
    await session.terminal.answer(unlockPrompt, passphrase);
    await session.terminal.expect(unlocked);
    assert.equal(await session.ended(), 0);
    notes.attach(session.terminal.transcriptFile);
    await machine.console.expect(/Unlocked from SSH/);
    await frameOnCard(machine, beforeOnCard);
    notes.measure({
      name: 'power-on to the first encrypted frame on disk',
      value: await secondsToFirstFrame(machine),
      unit: 's',
      atMost: 45,
    });
    await home.driveGrowsBeyond(before);
    notes.measure({
      name: 'power-on to encrypted video on the drive',
      value: machine.uptimeSeconds,
      unit: 's',
    });
    await seesMoreVideo();
    const film = await home.watch();
    assertFramesInOrder(film.frames);
    const status = await machine.ssh('unlock', home.sshIdentityFile, ['status']);
    assert.equal(await status.ended(), 0);
    assert.match(status.terminal.text, /unlocked/);
    const forbidden = await machine.ssh('unlock', home.sshIdentityFile, ['id']);
    assert.notEqual(await forbidden.ended(), 0);
    assert.doesNotMatch(forbidden.terminal.text, /uid=/);
    await assertHealthy(machine);
  },
);

scenario(
  'whoever changes what a locked camera records by is found out, and its recording is not certified',
  async (notes) => {
    // A thief would add a key; any change will do.
    const file = '/var/lib/encrocam/locked/public.json';
    await machine.agent.run(
      `sed -i 's/"hasDrive": true/"hasDrive": false/' ${file} && grep -q false ${file}`,
    );
    await machine.powerOff();
    machine = await Machine.start({ name: 'life', card });
    notes.attach(machine.console.transcriptFile);
    await machine.console.expect(unlockPrompt);
    await frameOnCard(machine, await bytesOnCard(machine));
    await unlock(machine.console, { isAsked: true });
    await machine.agent.until(
      'journalctl -b -u encrocam-record | grep "SOMEBODY CHANGED THE PUBLIC SETTINGS"',
    );
    await home.verifiesUntil((intervals) => {
      const locked = intervals.findIndex(({ state }) => state === 'locked');
      const after = intervals.slice(locked + 1);
      return locked !== -1 && after.some(({ state, cause }) => state === 'intact' && cause === undefined);
    });
    // What follows is about another card's worth of recordings.
    await home.emptyDrive();
  },
);

scenario(
  'unlocked at its screen, a card that lost its recordings records to the drive all the same, and says so',
  async (notes) => {
    await machine.powerOff();
    await card.wipe('recordings');
    machine = await Machine.start({ name: 'life', card, hasScreen: true });
    notes.attach(machine.console.transcriptFile);
    const before = await home.bytesOnDrive();
    await machine.agent.until(`grep -q 'Passphrase (not shown): ' ${screenText}`);
    notes.attach(await machine.screenshot('prompt'));
    await machine.agent.until('grep -q Keyboard /proc/bus/input/devices');
    await machine.typeOnKeyboard(`${passphrase}\n`);
    await machine.console.expect(/Unlocked from the screen \(tty1\)/);
    await machine.console.expect('The partition for recordings cannot be mounted');
    await machine.agent.until(`grep -q 'Unlocked: recording starts' ${screenText}`);
    await machine.agent.run(`! grep -q '${passphrase.split(' ')[0]}' ${screenText}`);
    await home.driveGrowsBeyond(before + someVideoBytes);
    assertFramesInOrder((await home.watch()).frames);
    await machine.powerOff();
  },
);

/** @throws unless frames cover the time without a gap. */
async function assertNoGapSince(fromMs: number, toMs: number): Promise<void> {
  const film = await home.watch();
  assertFramesInOrder(film.frames);
  const gaps = gapsIn(film.frames).filter(({ afterMs }) => afterMs >= fromMs - 3000);
  assert.deepEqual(gaps, []);
  assert.ok((film.frames.at(-1)?.timeMs ?? 0) >= toMs, 'the film ends too early');
}
