/** The wizard is killed at every question, as a power cut does it, and the next one goes on there. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { test } from 'node:test';
import { validateAnswers } from '../../provision/answers/validate.ts';
import { approve, pages, passphrase, TestCamera } from './person.ts';

test('killed at every question, the wizard goes on at that question and nothing is asked twice', async (context) => {
  const camera = await TestCamera.make();
  context.after(() => camera.remove());
  for (const { title, answer } of pages(camera)) {
    const pty = await camera.start();
    context.after(() => pty.close());
    await pty.answer('Press Enter to begin here', '');
    // From the recovery key on there is a volume, and it is closed after a power cut.
    if (existsSync(camera.at('header'))) await pty.answer('Passphrase >', passphrase);
    // The first page that comes is this one: all before it are answered.
    assert.match(await pty.expect(/\d+ of 11: .* ---/), new RegExp(`: ${title} ---$`));
    await answer(pty);
    await pty.expect(/ of 11: .* ---|All answers/);
    await pty.kill();
    await cutPower(camera);
  }
  const last = await camera.start();
  context.after(() => last.close());
  await last.answer('Press Enter to begin here', '');
  await last.answer('Passphrase >', passphrase);
  await last.expect('All answers');
  assert.doesNotMatch(last.text, / of 11: /);
  await approve(last);
  assert.equal(validateAnswers(await camera.applied()).hostName, 'front-door');
});

/** After a power cut nothing is mounted. */
async function cutPower(camera: TestCamera): Promise<void> {
  if (camera.isVolumeOpen) await rename(camera.at('etc/encrocam'), camera.at('closed'));
}
