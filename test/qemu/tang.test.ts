/** A camera that its owner bound to a tang server at home: it opens by itself where that answers, and only there. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import type { Card } from './card.ts';
import { assertFramesInOrder, Home, hostSeenFromMachine, passphrase } from './home.ts';
import { CardBox } from './image.ts';
import { Machine } from './machine.ts';
import { scenarios } from './report.ts';
import { assertHealthy, cardWithAnswers, pretendClockWasSet, unlockPrompt } from './scene.ts';
import { TangServer } from './tang-server.ts';

const someVideoBytes = 60_000;

let home: Home;
let cards: CardBox;
let card: Card;
let tang: TangServer;
before(async () => {
  home = await Home.open();
  cards = CardBox.open();
  tang = await TangServer.start();
});
const scenario = scenarios('tang');
after(async () => {
  await tang?.stop();
  cards?.close();
  await home?.close();
});

scenario('a camera is bound to the tang server that its answers name', async (notes) => {
  card = await cardWithAnswers(cards, home, {
    changes: {
      unlocking: {
        passphrase,
        tang: { url: `http://${hostSeenFromMachine}:${tang.port}`, thumbprint: tang.thumbprint },
      },
    },
  });
  const machine = await Machine.start({ name: 'tang', card });
  notes.attach(machine.console.transcriptFile);
  await machine.agent.ready();
  await pretendClockWasSet(machine);
  await home.driveGrowsBeyond(someVideoBytes);
  await machine.agent.until('test -e /var/lib/encrocam/provision/done');
  await assertHealthy(machine);
  await machine.powerOff();
});

scenario('after the next power-on it records without anybody typing', async (notes) => {
  const before = await home.bytesOnDrive();
  const machine = await Machine.start({ name: 'tang', card });
  notes.attach(machine.console.transcriptFile);
  await machine.console.expect(/Unlocked from the tang server/);
  notes.measure({ name: 'power-on to unlocked', value: machine.uptimeSeconds, unit: 's' });
  await home.driveGrowsBeyond(before + someVideoBytes);
  assertFramesInOrder((await home.watch()).frames);
  await assertHealthy(machine);
  await machine.powerOff();
});

scenario('where the server does not answer, the prompt stands as ever and nothing opens', async (notes) => {
  await tang.stop();
  const machine = await Machine.start({ name: 'tang', card });
  notes.attach(machine.console.transcriptFile);
  await machine.console.expect(unlockPrompt);
  await machine.agent.until("journalctl -b -u encrocam-network-unlock | grep -q 'gave no key'");
  assert.equal(
    await machine.agent.run('test -e /dev/mapper/encrocam-config && echo open || echo closed'),
    'closed',
  );
  await machine.console.typeLine(passphrase);
  await machine.console.expect(/Unlocked: recording starts/);
  await machine.powerOff();
});
