import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { afterEach, before, beforeEach, test } from 'node:test';
import { EncroCamError } from '../runtime/errors.ts';
import { createLogger, type Logger, silentLogger } from '../runtime/log.ts';
import { createFakeCard, type FakeCard } from '../test/support/fake-card.ts';
import { takeBootFiles, unattendedMark } from './boot-files.ts';
import { lockProvisioning, provisioningHolder } from './lock.ts';
import { paths } from './place.ts';
import { readState } from './state.ts';
import type { applyAnswers } from './steps/apply.ts';
import { provisionUnattended } from './unattended.ts';

// Other files of tests set up cameras at the same time.
const lockName = `\0encrocam-test-unattended-${process.pid}`;
const answersFile = `${paths.boot}/encrocam.json`;
const refusedFile = `${paths.boot}/encrocam.refused.json`;
const reasonFile = `${paths.boot}/encrocam.reason.txt`;

let ownerKey: string;
let card: FakeCard;
let logged: string[];
let logger: Logger;
before(async () => {
  const file = new URL('../test/vectors/encrocrypt2/owner.public.asc', import.meta.url);
  ownerKey = await readFile(file, 'utf8');
});
beforeEach(async () => {
  card = await createFakeCard();
  logged = [];
  logger = createLogger({ level: 'debug', format: 'text', write: (line) => void logged.push(line) });
});
afterEach(() => card.remove());

function answers(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    unlocking: { passphrase: 'correct horse battery staple' },
    owner: { keys: [{ from: 'text', armored: ownerKey }] },
    cameras: [{ name: 'front', input: { device: '/dev/video0' } }],
    ...changes,
  };
}

const applied: typeof applyAnswers = async () => ({ fingerprint: 'F'.repeat(40), publicKey: '' }) as never;
const provision = (apply: typeof applyAnswers = applied) =>
  provisionUnattended({ system: card.system, logger, apply, networkWaitMs: 20, lockName });

test('without an answers file there is nothing to do', async () => {
  assert.equal((await provision()).outcome, 'none');
  await takeBootFiles(card.system, silentLogger);
  assert.equal(await card.system.exists(unattendedMark), false);
});

test('an answers file that is refused gets another name, and the reason beside it names the setting', async () => {
  const text = JSON.stringify(answers({ timeZone: 'Europe/Nowhere', unlocking: { passphrase: 'short' } }));
  await card.put(answersFile, text);
  assert.equal((await provision()).outcome, 'refused');
  assert.equal(await card.read(answersFile), undefined);
  assert.equal(await card.read(refusedFile), text);
  const reason = (await card.read(reasonFile)) ?? '';
  assert.match(reason, /unlocking\.passphrase/);
  assert.match(reason, /\[CONFIG_INVALID\]/);
  assert.equal(await readState(card.system), 'new');
});

test('no secret is in a reason or in the log, whatever is wrong with the file', async () => {
  const passphrase = 'hunter2hunter2\u0007';
  const broken = [
    JSON.stringify(answers({ unlocking: { passphrase }, storage: { driver: 'ftp', password: passphrase } })),
    `{"unlocking": {"passphrase": "hunter2hunter2" "storage"`,
    `{"passphrase": "hunter2hunter2`,
    JSON.stringify(answers({ monitor: { url: 'hunter2hunter2' } })),
  ];
  for (const text of broken) {
    await card.put(answersFile, text);
    assert.equal((await provision()).outcome, 'refused');
    assert.doesNotMatch((await card.read(reasonFile)) ?? '', /hunter2/);
  }
  assert.doesNotMatch(logged.join(''), /hunter2/);
});

test('a file that is not JSON is refused with the place of the mistake', async () => {
  await card.put(answersFile, '{\n  "owner": ]\n}');
  await provision();
  assert.match((await card.read(reasonFile)) ?? '', /line 2, column 12/);
});

test('what Raspberry Pi Imager wrote completes the file', async () => {
  await card.put(answersFile, JSON.stringify(answers()));
  await card.put(`${paths.boot}/user-data`, 'hostname: front-door\n');
  let hostName = '';
  await provision(async (given, context) => {
    hostName = given.hostName;
    return applied(given, context);
  });
  assert.equal(hostName, 'front-door');
});

test('a file that leaves questions open stays for the wizard, with a word on what is missing', async () => {
  await card.put(answersFile, '{"hostName": "front-door"}');
  assert.deepEqual(await provision(), { outcome: 'incomplete', missing: ['unlocking', 'owner', 'cameras'] });
  assert.equal(await card.read(answersFile), '{"hostName": "front-door"}');
  assert.match((await card.read(reasonFile)) ?? '', /unlocking, owner, cameras/);
});

test('a mark in front of the file, as Windows editors put there, is no mistake', async () => {
  await card.put(answersFile, `\ufeff${JSON.stringify(answers())}`);
  assert.equal((await provision()).outcome, 'done');
});

test('an owner key that cannot be used is a reason to refuse', async () => {
  await card.put(
    answersFile,
    JSON.stringify(
      answers({ owner: { keys: [{ from: 'text', armored: ownerKey, fingerprint: 'A'.repeat(40) }] } }),
    ),
  );
  const { applyAnswers: apply } = await import('./steps/apply.ts');
  assert.equal((await provision(apply)).outcome, 'refused');
  assert.match((await card.read(reasonFile)) ?? '', /\[KEY_UNREADABLE\]/);
});

test("what fails on this machine is not the file's fault: it stays for the next start", async () => {
  await card.put(answersFile, JSON.stringify(answers()));
  const failing: typeof applyAnswers = async () => {
    throw new EncroCamError('PROGRAM_FAILED', 'cryptsetup ended with code 1');
  };
  await assert.rejects(provision(failing), { code: 'PROGRAM_FAILED' });
  assert.notEqual(await card.read(answersFile), undefined);
  assert.equal(await card.read(reasonFile), undefined);
});

test('a network that does not come is waited for with a bound, and told', async () => {
  await card.put('/proc/net/route', 'Iface\tDestination\n');
  await card.put(
    answersFile,
    JSON.stringify(
      answers({ storage: { driver: 'ftp', host: '127.0.0.1', port: 1, user: 'a', password: 'b' } }),
    ),
  );
  assert.equal((await provision()).outcome, 'done');
  assert.match(logged.join(''), /network.* was not there after 0\.02 s/);
  assert.match(logged.join(''), /drive cannot be used now/);
});

test('a recovery key that nobody could see is not made, and that is told', async () => {
  await card.put(
    answersFile,
    JSON.stringify(answers({ unlocking: { passphrase: 'correct horse battery staple', recoveryKey: true } })),
  );
  await provision();
  assert.match(logged.join(''), /No recovery key was made/);
  assert.ok(!card.volume.slots.has(1));
});

test('while the wizard runs, the answers file waits', async () => {
  await card.put(answersFile, JSON.stringify(answers()));
  const lock = await lockProvisioning('on the screen (tty1)', lockName);
  try {
    await assert.rejects(provision(), { code: 'ALREADY_RUNNING' });
  } finally {
    await lock.release();
  }
  assert.equal((await provision()).outcome, 'done');
});

test('a camera that is set up takes no answers file', async () => {
  await card.put(paths.doneMark, '');
  await card.put(answersFile, JSON.stringify(answers()));
  await takeBootFiles(card.system, silentLogger);
  assert.equal(await card.system.exists(unattendedMark), false);
  assert.notEqual(await card.read(answersFile), undefined);
});

test('a boot partition that was not mounted in time is mounted then', async () => {
  await card.put('/proc/self/mounts', '');
  card.programs.set('systemctl', async (args) => {
    assert.deepEqual(args, ['start', 'boot-firmware.mount']);
    await card.put('/proc/self/mounts', `/dev/vda1 ${paths.boot} vfat rw 0 0\n`);
    await card.put(answersFile, JSON.stringify(answers()));
    return {};
  });
  assert.deepEqual(await takeBootFiles(card.system, silentLogger), []);
  assert.equal(await card.system.exists(unattendedMark), true);
});

test('without its boot partition the rest is done all the same', async () => {
  await card.put('/proc/self/mounts', '');
  card.programs.set('systemctl', async () => ({ exitCode: 1 }));
  assert.deepEqual(await takeBootFiles(card.system, logger), []);
  assert.match(logged.join(''), /\/boot\/firmware is not mounted/);
  assert.notEqual(await card.read('/etc/ssh/ssh_host_ed25519_key'), undefined);
});

test('one part that fails does not keep the others from being done', async () => {
  card.programs.set('ssh-keygen', async () => ({ exitCode: 1 }));
  await card.put(answersFile, JSON.stringify(answers()));
  assert.deepEqual(await takeBootFiles(card.system, silentLogger), ['making SSH host keys']);
  assert.equal(await card.system.exists(unattendedMark), true);
});

test('the lock tells the second one where the first runs, and is free once that has ended', async () => {
  const name = `\0encrocam-test-${process.pid}`;
  assert.equal(await provisioningHolder(name), undefined);
  const lock = await lockProvisioning('over SSH from 192.0.2.7', name);
  assert.equal(await provisioningHolder(name), 'over SSH from 192.0.2.7');
  await assert.rejects(lockProvisioning('on the screen', name), (error: unknown) => {
    assert.ok(error instanceof EncroCamError && error.code === 'ALREADY_RUNNING');
    assert.match(error.message, /over SSH from 192\.0\.2\.7/);
    return true;
  });
  await lock.release();
  await (await lockProvisioning('on the screen', name)).release();
});
