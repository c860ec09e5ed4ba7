import assert from 'node:assert/strict';
import type net from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { EncroCamError } from '../../runtime/errors.ts';
import { silentLogger } from '../../runtime/log.ts';
import { createFakeCard, type FakeCard } from '../../test/support/fake-card.ts';
import type { Answers } from '../answers/types.ts';
import { findPlace, type Place, paths } from '../place.ts';
import { readState } from '../state.ts';
import type { StepContext } from '../steps/step.ts';
import { makeVolume } from '../steps/volume.ts';
import { tangMark, tangStep } from '../steps/volume-step.ts';
import { Agent, listen } from './agent.ts';
import { unlockByNetwork } from './network-unlock.ts';
import { createUnlocker } from './unlocker.ts';

const passphrase = 'correct horse battery staple';
const tang = { url: 'http://tang.home.arpa:7500', thumbprint: 'A'.repeat(43) };

let card: FakeCard;
let place: Place;
let server: net.Server;
let socketPath: string;

beforeEach(async () => {
  card = await createFakeCard();
  place = await findPlace(card.system);
  await makeVolume(card.system, place, passphrase);
  await card.put(paths.doneMark, '');
  await card.reboot();
  socketPath = path.join(card.root, 'agent.sock');
  const unlocker = createUnlocker(card.system, place, silentLogger);
  server = await listen(new Agent({ unlocker, logger: silentLogger }), { path: socketPath });
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  await card.remove();
});

const context = (unlocking: Answers['unlocking']): StepContext =>
  ({ system: card.system, place, answers: { unlocking } }) as unknown as StepContext;

test('the volume is bound in a slot of its own, and a thumbprint that changed is bound anew', async () => {
  await card.put('/usr/bin/clevis-luks-bind', '');
  const { chmod } = await import('node:fs/promises');
  await chmod(card.system.at('/usr/bin/clevis-luks-bind'), 0o755);
  let bound = '';
  const done: string[] = [];
  card.programs.set('clevis', async (args, options) => {
    const [, action] = args;
    if (action === 'list') return { output: bound };
    done.push(`${action} ${args[args.indexOf('-s') + 1]}`);
    if (action === 'bind') {
      assert.equal(options.input, passphrase);
      bound = `2: tang '${args.at(-1)}'\n`;
    }
    return {};
  });
  const answer = context({ passphrase, recoveryKey: false, tang });
  assert.equal(await tangStep.isDone(answer), false);
  await tangStep.run(answer);
  assert.equal(await tangStep.isDone(answer), true);
  const other = context({ passphrase, recoveryKey: false, tang: { ...tang, thumbprint: 'B'.repeat(43) } });
  assert.equal(await tangStep.isDone(other), false);
  await tangStep.run(other);
  assert.deepEqual(done, ['bind 2', 'unbind 2', 'bind 2']);

  const without = context({ passphrase, recoveryKey: false });
  assert.equal(await tangStep.isDone(without), false);
  await tangStep.run(without);
  assert.equal(await card.read(tangMark), undefined);
  assert.equal(done.at(-1), 'unbind 2');
});

test('without clevis the answer is refused instead of forgotten', async () => {
  await assert.rejects(tangStep.run(context({ passphrase, recoveryKey: false, tang })), {
    code: 'PROGRAM_MISSING',
  });
  assert.equal(await tangStep.isDone(context({ passphrase, recoveryKey: false })), true);
});

test('it asks until the server answers, and the key goes through the agent', async () => {
  let asked = 0;
  card.programs.set('clevis', async () => {
    if (++asked < 4) throw new EncroCamError('PROGRAM_FAILED', 'no route to host');
    return { output: passphrase };
  });
  const pauses: number[] = [];
  await unlockByNetwork({
    ...{ system: card.system, place, logger: silentLogger, socketPath },
    wait: async (ms) => pauses.push(ms),
  });
  assert.deepEqual(pauses, [2000, 4000, 8000]);
  assert.equal(await readState(card.system), 'recording');
  assert.ok(card.calls.includes('systemctl start encrocam.target'));
});

test('when a person is quicker, it goes away', async () => {
  card.programs.set('clevis', async () => {
    throw new EncroCamError('PROGRAM_FAILED', 'no route to host');
  });
  const unlocker = createUnlocker(card.system, place, silentLogger);
  await unlockByNetwork({
    ...{ system: card.system, place, logger: silentLogger, socketPath },
    wait: () => unlocker.unlock(passphrase),
  });
  assert.equal(await readState(card.system), 'recording');
});

test('a file system that is damaged closes the volume again and says so', async () => {
  card.volume.hasFileSystem = false;
  const unlocker = createUnlocker(card.system, place, silentLogger);
  await assert.rejects(unlocker.unlock(passphrase), { code: 'VOLUME_UNUSABLE' });
  assert.equal(await readState(card.system), 'locked');
  assert.ok(card.calls.includes('cryptsetup close encrocam-config'));
});

test('unlocking a camera that is well warns of nothing', async () => {
  const unlocker = createUnlocker(card.system, place, silentLogger);
  assert.equal(await unlocker.unlock(passphrase), undefined);
});

test('services that do not start are told as a warning: the camera is unlocked all the same', async () => {
  card.programs.set('systemctl', async () => ({ exitCode: 1 }));
  const unlocker = createUnlocker(card.system, place, silentLogger);
  assert.match((await unlocker.unlock(passphrase)) ?? '', /did not start/);
  assert.equal(await readState(card.system), 'recording');
});

test('without the partition for recordings it records all the same, and says what is wrong', async () => {
  await card.put('/proc/self/mounts', '');
  card.programs.set('systemctl', async ([, unit]) => {
    if (unit?.endsWith('.mount')) throw new EncroCamError('PROGRAM_FAILED', 'wrong fs type');
    return {};
  });
  const unlocker = createUnlocker(card.system, place, silentLogger);
  assert.match((await unlocker.unlock(passphrase)) ?? '', /partition for recordings cannot be mounted/);
  assert.ok(card.calls.includes('systemctl start encrocam.target'));
});
