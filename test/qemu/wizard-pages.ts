/** The pages of the first-boot wizard, answered as a person at a terminal does. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { cameraName, type Home, hostSeenFromMachine, passphrase, picture } from './home.ts';
import { keys, type Terminal } from './terminal.ts';

export interface Page {
  readonly title: string;
  answer(line: Terminal): Promise<void>;
}

export const beginPrompt = 'Press Enter to begin here';

const page = (title: string, answer: (line: Terminal) => Promise<void>): Page => ({ title, answer });

/** All pages in order, for a machine with the fake camera and a cable. */
export function wizardPages(home: Home): Page[] {
  return [
    page('Time zone', (line) => line.answer('Time zone >', 'berl')),
    page('Host name', (line) => line.answer('Host name [encrocam]', 'garden')),
    page('Account and SSH keys', async (line) => {
      await line.answer('Account >', '1');
      await line.answer('Name of the account', 'maria');
      await line.expect('Paste your SSH public keys');
      await line.typeLine(home.sshPublicKey);
      await line.typeLine('');
    }),
    page('Passphrase', async (line) => {
      await line.answer('Passphrase >', passphrase);
      await line.answer('The same passphrase again >', passphrase);
    }),
    page('Recovery key', async (line) => {
      await line.answer('Make a recovery key?', 'y');
      await line.answer('Is it written down?', 'y');
    }),
    page('Signing key', (line) => line.answer('Signing key >', '1')),
    page("Owner's keys", async (line) => {
      await line.answer('Where is your public key? >', '1');
      await line.expect('Paste the whole key');
      await line.type(home.ownerPublicKey.replaceAll('\r', '').replaceAll('\n', '\r'));
      await line.answer('Is this the fingerprint of your key?', 'y');
      await line.answer('May somebody else watch? >', '1');
    }),
    page('Camera', async (line) => {
      await choose(line, 'Camera >', /(\d) \/dev\/video0: vivid/);
      await choose(line, 'Resolution >', new RegExp(`(\\d) ${picture.width}x${picture.height} `));
      await moveTo(line, 'Pictures a second >', String(picture.frameRate));
      await line.answer('Name of the camera', cameraName);
      await line.answer('Is this right? >', '1');
      await line.answer('Is there another camera?', 'n');
    }),
    page('Drive', async (line) => {
      await line.answer('Drive >', '1');
      await line.answer('Server (name or address)', hostSeenFromMachine);
      await line.answer('Port [21]', String(home.drive.port));
      await line.answer('Account >', home.drive.user);
      await line.answer('Password >', home.drive.password);
      await line.answer('Directory on the drive', '');
      await line.answer('Protection of the connection >', '1');
      await line.expect(home.drive.fingerprint.slice(0, 29));
      await choose(line, 'What now? >', /(\d) accept exactly this certificate/);
      await line.answer('Is it the same?', 'y');
      await line.expect('It works');
    }),
    page('Uptime monitor', (line) => line.answer('Have you such an address?', 'n')),
    page('Days to keep', async (line) => {
      await line.answer('Days on the camera', '');
      await line.answer('Days on the drive', '');
    }),
  ];
}

/** Waits for a list, types the number of the item. */
async function choose(line: Terminal, question: string, item: RegExp): Promise<void> {
  await line.expect(question);
  const [, digit = ''] = await line.expect(item);
  await line.typeLine(digit);
}

/** Waits for a list, moves to an item that may be past the ninth, and so have no number to type. */
async function moveTo(line: Terminal, question: string, item: string): Promise<void> {
  await line.expect(question);
  await line.expect(new RegExp(`\\n {2,}(?:\\d )?${item}(?=\\s|$)`));
  // The whole list is drawn at once; the mark stands at what Enter would take.
  await pause(1000);
  const list = line.text.slice(line.text.lastIndexOf(question)).split('\n').slice(1);
  const at = list.findIndex((row) => row.startsWith('> '));
  const wanted = list.findIndex((row) => row.replace(/^[> ]*(?:\d )?/, '').trim() === item);
  assert.ok(at >= 0 && wanted >= 0, list.join('\n'));
  const key = wanted > at ? keys.down : keys.up;
  for (let moves = Math.abs(wanted - at); moves > 0; moves--) await line.type(key);
  await line.type(keys.enter);
}

/** Answers pages as they come. */
export async function answerPages(line: Terminal, pages: readonly Page[]): Promise<void> {
  for (const { title, answer } of pages) {
    await line.expect(`: ${title} ---`);
    await answer(line);
  }
}

/** Accepts all answers, waits for the camera to be set up. @returns the signing key's fingerprint as it is shown. */
export async function approve(line: Terminal): Promise<{ fingerprint: string; publicKey: string }> {
  await line.expect('All answers');
  await line.answer('Set the camera up like this? >', '1');
  await line.expect('Recording has started');
  const [fingerprint = ''] = await line.expect(/(?:[0-9A-F]{4} +){9}[0-9A-F]{4}/);
  const [publicKey = ''] = await line.expect(
    /-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]+?-----END PGP PUBLIC KEY BLOCK-----/,
  );
  await line.answer('Press Enter when you have kept it', '');
  return { fingerprint: fingerprint.replaceAll(' ', ''), publicKey: `${publicKey.trim()}\n` };
}
