/** The real wizard on a real terminal, typed like a person: all pages, back, stopping, and every kind of terminal. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, watch } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { validateAnswers } from '../../provision/answers/validate.ts';
import {
  answerPages,
  approve,
  ownerKey,
  pages,
  passphrase,
  type StartOptions,
  TestCamera,
} from './person.ts';
import type { Pty, PtyOptions } from './pty.ts';

async function begin(
  context: TestContext,
  options: StartOptions = {},
): Promise<{ camera: TestCamera; pty: Pty }> {
  const camera = await TestCamera.make();
  context.after(() => camera.remove());
  const pty = await restart(context, camera, options);
  return { camera, pty };
}

async function restart(context: TestContext, camera: TestCamera, options: StartOptions = {}): Promise<Pty> {
  const pty = await camera.start(options);
  context.after(() => pty.close());
  await pty.answer('Press Enter to begin here', '');
  return pty;
}

const control = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) - 64);
const ctrlC = control('C');
const esc = '\u001b';

test('a person sets a camera up, and no secret is shown or kept in the open', async (context) => {
  const { camera, pty } = await begin(context);
  await answerPages(pty, pages(camera));
  const progress = await camera.openProgress();
  await approve(pty);
  assert.equal(await pty.exitCode, 0);
  const answers = validateAnswers(await camera.applied());
  assert.equal(answers.hostName, 'front-door');
  assert.equal(answers.timeZone, 'Europe/Berlin');
  assert.deepEqual(answers.unlocking, { passphrase, recoveryKey: true });
  assert.deepEqual(answers.signing, { from: 'generate' });
  assert.equal(answers.owner?.keys[0].from, 'text');
  assert.equal(answers.cameras[0].input.format, 'lavfi');
  assert.equal(answers.storage.driver, 'directory');
  for (const text of [progress, pty.raw]) assert.ok(!text.includes(passphrase));
  // The picture, and the codes of recovery key, fingerprint and public key.
  assert.match(pty.text, /[▀▄█]{20}/);
  // Each of the three has that in two of its corners; what it encodes may look like it by chance.
  assert.ok((pty.text.match(/██ ▄▄▄▄▄ █/g)?.length ?? 0) >= 6);
  assert.match(pty.text, /-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]+-----END PGP PUBLIC KEY BLOCK-----/);
  const publicKey = await readFile(camera.at('camera.public.asc'), 'utf8');
  assert.ok(pty.text.includes(publicKey.trim().replaceAll('\r', '')));
});

const terminals: [what: string, options: PtyOptions, hasColors: boolean][] = [
  ['a serial line that tells no size', { size: '0x0', env: { TERM: 'vt220' } }, false],
  ['a terminal without any type', { size: '0x0', env: { TERM: '' } }, false],
  ['a narrow terminal', { size: '40x12', env: { TERM: 'xterm' } }, true],
  [
    'a wide terminal with all colours',
    { size: '200x60', env: { TERM: 'xterm', COLORTERM: 'truecolor' } },
    true,
  ],
  ['a terminal whose user wants no colours', { env: { TERM: 'xterm-256color', FORCE_COLOR: '0' } }, false],
];
for (const [what, options, hasColors] of terminals) {
  test(`a person sets a camera up on ${what}`, async (context) => {
    const { camera, pty } = await begin(context, options);
    await answerPages(pty, pages(camera));
    await approve(pty);
    assert.equal(await pty.exitCode, 0);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is looked for
    assert.equal(/\u001b\[[\d;]*[34]8;/.test(pty.raw), hasColors);
    const width = options.size === '0x0' ? 80 : Number((options.size ?? '80x24').split('x')[0]);
    const tooWide = pty.text
      .split('\n')
      .filter((line) => /^ ?[▀▄█ ]+$/.test(line))
      .filter((line) => line.length > width);
    assert.deepEqual(tooWide, []);
  });
}

test('Esc leads back page by page, and the answers are there to be changed', async (context) => {
  const { camera, pty } = await begin(context);
  const [zone, host, account] = pages(camera);
  assert.ok(zone && host && account);
  await pty.expect('Time zone ---');
  await zone.answer(pty);
  await pty.expect('Host name ---');
  await host.answer(pty);
  await pty.expect('Account and SSH keys ---');
  await pty.expect('Account >');
  pty.type(esc);
  await pty.expect('Host name ---');
  await pty.expect('Host name [front-door]');
  pty.type(esc);
  await pty.expect('Time zone ---');
  await pty.expect('> Europe/Berlin');
  pty.type('\r');
  // What is answered is not asked again on the way forward.
  await pty.expect('Account and SSH keys ---');
});

test('Ctrl-C asks whether to stop, and going on finds what was typed', async (context) => {
  const { pty } = await begin(context);
  await pty.answer('Time zone >', 'berl');
  await pty.expect('Host name [encrocam]');
  pty.type(`front${ctrlC}`);
  await pty.answer('Stop the set-up? >', '1');
  await pty.expect('Host name [encrocam] > front');
  pty.type('-door\r');
  await pty.expect('+ Host name [encrocam] > front-door');
});

test('Ctrl-C and back leads to the question before', async (context) => {
  const { pty } = await begin(context);
  await pty.answer('Time zone >', 'berl');
  await pty.expect('Host name [encrocam]');
  pty.type(ctrlC);
  await pty.answer('Stop the set-up? >', '2');
  await pty.expect('Time zone ---');
});

test('Ctrl-C twice stops, and the next wizard goes on at the same question', async (context) => {
  const { camera, pty } = await begin(context);
  await pty.answer('Time zone >', 'berl');
  await pty.expect('Host name [encrocam]');
  pty.type(`${ctrlC}`);
  await pty.expect('Stop the set-up? >');
  pty.type(ctrlC);
  await pty.expect('outcome: stopped');
  assert.equal(await pty.exitCode, 0);
  const second = await restart(context, camera);
  await second.expect('goes on where it was');
  await second.expect('2 of 11: Host name ---');
});

test('Ctrl-C gives up a test that is running, and the question goes on', async (context) => {
  const { camera, pty } = await begin(context);
  const all = pages(camera);
  const at = all.findIndex(({ title }) => title === 'Camera');
  for (const { title, answer } of all.slice(0, at)) {
    await pty.expect(`: ${title} ---`);
    await answer(pty);
  }
  await pty.answer('Camera >', '3');
  await pty.answer('Name of the camera', '');
  await pty.expect('recording');
  pty.type(ctrlC);
  await pty.expect('Given up.');
  await pty.expect('What now? >');
});

test('what is typed ahead of a passphrase is taken, and never shown', async (context) => {
  const { camera, pty } = await begin(context);
  const [zone, host] = pages(camera);
  await pty.expect('Time zone ---');
  await zone?.answer(pty);
  await host?.answer(pty);
  await pty.expect('Account >');
  // No account; then the passphrase twice, all of it before the question stands there.
  pty.type(`2\r${passphrase}\r${passphrase}\r`);
  await pty.expect('Recovery key ---');
  assert.ok(!pty.raw.includes('garden'), 'the passphrase was echoed');
  assert.ok(camera.isVolumeOpen);
});

test('keys that a shell or a prompt would act on do nothing', async (context) => {
  const { pty } = await begin(context);
  await pty.answer('Time zone >', '*[(+berl');
  await pty.expect('Host name [encrocam]');
  pty.type(`a${control('Z')}${control('\\')}${control('N')}${control('V')}\u001b[15~b\r`);
  await pty.expect('+ Host name [encrocam] > ab');
});

test('a line that hangs up closes the volume, and nothing is lost', async (context) => {
  const { camera, pty } = await begin(context);
  for (const { title, answer } of pages(camera).slice(0, 4)) {
    await pty.expect(`: ${title} ---`);
    await answer(pty);
  }
  await pty.expect('Make a recovery key?');
  assert.ok(camera.isVolumeOpen);
  const watcher = watch(camera.root);
  const closed = (async () => {
    while (!existsSync(camera.at('closed'))) await once(watcher, 'change');
  })();
  pty.hangUp();
  await closed;
  watcher.close();
  assert.equal(camera.isVolumeOpen, false);
  const second = await restart(context, camera);
  await second.answer('Passphrase >', passphrase);
  await second.expect('Recovery key ---');
});

test('a second wizard is told where the first runs, and goes on once that stopped', async (context) => {
  const { camera, pty } = await begin(context, { where: 'on the serial console ttyAMA0' });
  await pty.expect('Time zone >');
  const second = await restart(context, camera, { where: 'over SSH from 192.0.2.7' });
  await second.expect('on the serial console ttyAMA0');
  await second.expect('Press Enter to begin here');
  pty.type(ctrlC);
  await pty.answer('Stop the set-up? >', '3');
  await pty.expect('outcome: stopped');
  await pty.exitCode;
  second.type('\r');
  await second.expect('Time zone ---');
});

test('a wrong passphrase is told, and another can be made when it is forgotten', async (context) => {
  const { camera, pty } = await begin(context);
  for (const { title, answer } of pages(camera).slice(0, 4)) {
    await pty.expect(`: ${title} ---`);
    await answer(pty);
  }
  await pty.expect('Make a recovery key?');
  await pty.kill();
  const second = await restart(context, camera);
  await second.answer('Passphrase >', 'wrong');
  await second.answer('What now? >', '2');
  await second.expect(': Passphrase ---');
  await second.answer('Passphrase >', 'another one of six words here');
  await second.answer('The same passphrase again >', 'another one of six words here');
  await second.expect('Recovery key ---');
  // What is no secret was not lost.
  assert.match(await camera.openProgress(), /front-door/);
});

test('what Raspberry Pi Imager and an answers file give is not asked for', async (context) => {
  const camera = await TestCamera.make();
  context.after(() => camera.remove());
  const boot = (name: string): string => path.join(camera.at('boot/firmware'), name);
  await writeFile(boot('user-data'), '#cloud-config\nhostname: gate\ntimezone: Europe/Berlin\n');
  await writeFile(
    boot('encrocam.json'),
    JSON.stringify({ unlocking: { passphrase }, storage: { driver: 'none' } }),
  );
  const pty = await restart(context, camera);
  await pty.expect('Taken over from Raspberry Pi Imager: hostName, timeZone.');
  await pty.expect('Taken over from encrocam.json: unlocking, storage.');
  await pty.expect('Account and SSH keys ---');
  await pty.answer('Account >', '2');
  await pty.expect(': Passphrase ---');
  await pty.expect('It was given in the answers file.');
  await pty.expect('Recovery key ---');
  await pty.answer('Make a recovery key?', 'n');
  await pty.expect('Signing key ---');
  assert.ok(!pty.raw.includes(passphrase));
});

test('a key lies on the boot partition', async (context) => {
  const { camera, pty } = await begin(context);
  await writeFile(camera.at('boot/firmware/owner.asc'), ownerKey);
  const all = pages(camera);
  for (const { title, answer } of all.slice(0, 6)) {
    await pty.expect(`: ${title} ---`);
    await answer(pty);
  }
  await pty.answer('Where is your public key? >', '2');
  await pty.answer('File >', '1');
  await pty.answer('Is this the fingerprint of your key?', 'y');
  await pty.answer('May somebody else watch? >', '1');
  await pty.expect('Camera ---');
});
