/**
 * `encrocam install` on a Debian that runs already: it becomes a camera with its LUKS volume in a file, is unlocked
 * after a reboot, and `encrocam uninstall` leaves the system as it was, with the recordings.
 */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { assertFramesInOrder, cameraName, Home, passphrase } from './home.ts';
import { CardBox } from './image.ts';
import { Machine } from './machine.ts';
import { type PlainSystem, plainSystem, unpackedProgram } from './plain-system.ts';
import { scenarios } from './report.ts';
import { assertHealthy, pretendClockWasSet } from './scene.ts';

const someVideoBytes = 60_000;

let home: Home;
let cards: CardBox;
let system: PlainSystem;
let machine: Machine;
before(async () => {
  home = await Home.open();
  cards = CardBox.open();
});
const scenario = scenarios('install');
after(async () => {
  cards?.close();
  await home?.close();
});

async function powerOn(): Promise<void> {
  machine = await Machine.start({ name: 'install', card: system.disk, directBoot: system.directBoot });
  await machine.agent.ready();
  await pretendClockWasSet(machine);
}

scenario('a Debian that runs already becomes a camera', async (notes) => {
  // Network, accounts and host name of such a system are its owner's.
  const { hostName: _, account: __, timeZone: ___, ...answers } = home.answers();
  system = await plainSystem(cards, {
    '/root/answers.json': JSON.stringify(answers),
    '/root/owner.asc': home.ownerPublicKey,
  });
  await powerOn();
  notes.attach(machine.console.transcriptFile);
  await machine.console.expect('attic login: ');
  const told = await machine.agent.run(
    `${unpackedProgram}/encrocam install --yes --answers /root/answers.json`,
    { timeoutMs: 900_000 },
  );
  assert.match(told, /Installing on Debian GNU\/Linux 13/);
  assert.match(told, /This computer is a camera\. It signs with the key\s+[0-9A-F]{40}/);
  await home.driveGrowsBeyond(someVideoBytes);
  assertFramesInOrder((await home.watch()).frames);
  await assertHealthy(machine);
  assert.equal(await machine.agent.run('hostname'), 'attic');
});

scenario('after a reboot its console is as it was, and encrocam unlock starts recording', async () => {
  await machine.powerOff();
  await powerOn();
  await machine.console.expect('attic login: ');
  await machine.agent.until('systemctl is-active encrocam-agent.socket');
  assert.match((await machine.agent.attempt('encrocam status')).output, /unlock it first/);
  const before = await home.bytesOnDrive();
  const wrong = await machine.agent.attempt(`echo not this one | encrocam unlock`);
  assert.notEqual(wrong.exitCode, 0);
  await machine.agent.run(`echo ${passphrase} | encrocam unlock`);
  await home.driveGrowsBeyond(before + someVideoBytes);
  assertFramesInOrder((await home.watch()).frames);
  await assertHealthy(machine);
});

scenario(
  'installing again keeps what was set up; uninstalling keeps the recordings, purging does not',
  async () => {
    const again = await machine.agent.run(`${unpackedProgram}/encrocam install --yes`);
    assert.match(again, /was set up before/);
    await machine.agent.run('encrocam uninstall --yes');
    const left = await machine.agent.run(
      'ls /usr/lib/encrocam /usr/bin/encrocam /usr/lib/systemd/system/encrocam* 2>/dev/null; getent passwd encrocam unlock; dmsetup ls --target crypt 2>/dev/null | grep encrocam; true',
    );
    assert.equal(left, '');
    await machine.agent.run(`ls /var/lib/encrocam/recordings/${cameraName}/*.encrocam`);
    await assertHealthy(machine);
    await machine.agent.run(
      `${unpackedProgram}/encrocam install --yes && echo ${passphrase} | encrocam unlock`,
    );
    await machine.agent.run('encrocam uninstall --yes --purge');
    assert.equal(await machine.agent.run('ls -d /var/lib/encrocam /etc/encrocam 2>/dev/null; true'), '');
    await machine.stop();
  },
);
