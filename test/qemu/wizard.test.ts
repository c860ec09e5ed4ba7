/**
 * The first boot by the wizard: typed on the serial console with the power cut at each question, and over SSH. What
 * the owner keeps from the last page is all that is needed to watch what comes out of the drive.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before } from 'node:test';
import { assertFramesInOrder, Home, passphrase } from './home.ts';
import { CardBox } from './image.ts';
import { Machine } from './machine.ts';
import { scenarios } from './report.ts';
import { assertHealthy, MortalMachine, unlock } from './scene.ts';
import { answerPages, approve, beginPrompt, wizardPages } from './wizard-pages.ts';

const someVideoBytes = 60_000;

let home: Home;
let cards: CardBox;
before(async () => {
  home = await Home.open();
  cards = CardBox.open();
});
const scenario = scenarios('wizard');
after(async () => {
  cards?.close();
  await home?.close();
});

/** Watches the drive with the key that the last page showed. */
async function watchWith({
  fingerprint,
  publicKey,
}: {
  fingerprint: string;
  publicKey: string;
}): Promise<void> {
  const file = path.join(home.directory, `${fingerprint}.asc`);
  await writeFile(file, publicKey);
  const before = await home.bytesOnDrive();
  await home.driveGrowsBeyond(before + someVideoBytes);
  const film = await home.watch(home.recordingsDirectory, { signedBy: file });
  assertFramesInOrder(film.frames);
}

scenario(
  'typed on the serial console, with the power cut at each question, the wizard sets a camera up',
  async (notes) => {
    let card = await cards.flash();
    const pages = wizardPages(home);
    let volumeIsMade = false;
    for (const [index, page] of pages.entries()) {
      const mortal = await MortalMachine.start(cards, { name: 'wizard-serial', card });
      const { console } = mortal.machine;
      notes.attach(console.transcriptFile);
      await console.answer(beginPrompt, '');
      if (volumeIsMade) await console.answer('Passphrase >', passphrase);
      await console.expect(`${index + 1} of ${pages.length}: ${page.title} ---`);
      await page.answer(console);
      const next = pages[index + 1]?.title;
      // The next page stands there: what was answered is kept, however the power goes.
      await console.expect(next === undefined ? 'All answers' : `: ${next} ---`);
      if (page.title === 'Passphrase') volumeIsMade = true;
      card = await mortal.powerCut();
    }
    const machine = await Machine.start({ name: 'wizard-serial', card });
    notes.attach(machine.console.transcriptFile);
    await machine.console.answer(beginPrompt, '');
    await machine.console.answer('Passphrase >', passphrase);
    const key = await approve(machine.console);
    await machine.console.expect('login: ');
    await watchWith(key);
    await assertHealthy(machine);
    await machine.powerOff();
    for (const partition of ['boot', 'root']) {
      const secrets = [passphrase, home.drive.password];
      assert.deepEqual(await card.textsOn(partition, secrets), [], `secrets in the clear on ${partition}`);
    }
  },
);

scenario('typed over SSH, the wizard sets a camera up; the console says where it runs', async (notes) => {
  await home.emptyDrive();
  const card = await cards.flash();
  await card.writeBootFiles({ authorized_keys: `${home.sshPublicKey}\n` });
  let machine = await Machine.start({ name: 'wizard-ssh', card });
  notes.attach(machine.console.transcriptFile);
  await machine.console.expect(beginPrompt);
  const session = await machine.ssh('unlock', home.sshIdentityFile);
  notes.attach(session.terminal.transcriptFile);
  await session.terminal.answer(beginPrompt, '');
  const pages = wizardPages(home);
  await answerPages(session.terminal, pages.slice(0, 2));
  await machine.console.typeLine('');
  await machine.console.expect(/over SSH/);
  await answerPages(session.terminal, pages.slice(2));
  const key = await approve(session.terminal);
  await watchWith(key);

  const login = await machine.ssh('maria', home.sshIdentityFile, ['hostname', ';', 'sudo', '-n', 'true']);
  await login.ended();
  assert.match(login.terminal.text, /^garden$/m);
  await machine.powerOff();
  machine = await Machine.start({ name: 'wizard-ssh', card });
  const second = await machine.ssh('unlock', home.sshIdentityFile);
  await unlock(second.terminal);
  await watchWith(key);
});
