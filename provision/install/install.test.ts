import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { silentLogger } from '../../runtime/log.ts';
import { createFakeCard, type FakeCard } from '../../test/support/fake-card.ts';
import { validateAnswers } from '../answers/validate.ts';
import { paths } from '../place.ts';
import { readState } from '../state.ts';
import type { Reporter } from '../steps/step.ts';
import { openVolume } from '../steps/volume.ts';
import { checkHost, missingPackages, neededPackages, parseOsRelease } from './host.ts';
import { type InstallContext, installProgram, isSetUp, setUpInstalled, uninstall } from './install.ts';
import { findBundle } from './program.ts';

const silentReporter: Reporter = {
  started: () => undefined,
  finished: () => undefined,
  warning: () => undefined,
  note: () => undefined,
};

let bundle: string;
let ownerKeyFile: string;
let host: FakeCard;
let context: InstallContext;

before(async () => {
  bundle = await mkdtemp(path.join(tmpdir(), 'encrocam-bundle-'));
  await mkdir(path.join(bundle, 'units/getty@.service.d'), { recursive: true });
  for (const name of [
    'cli.js',
    'encrocam',
    'units/encrocam-agent.socket',
    'units/encrocam-start-up.service',
  ]) {
    await writeFile(path.join(bundle, name), name);
  }
  ownerKeyFile = path.join(bundle, 'owner.asc');
  const vectors = new URL('../../test/vectors/encrocrypt2/owner.public.asc', import.meta.url);
  await writeFile(ownerKeyFile, await readFile(vectors));
});
after(() => rm(bundle, { recursive: true }));

beforeEach(async () => {
  host = await createFakeCard();
  await host.put('/etc/os-release', 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n');
  await host.put('/etc/hostname', 'workstation\n');
  await host.put('/etc/passwd', 'root:x:0:0:root:/root:/bin/bash\n');
  await host.put('/run/systemd/system/x', '');
  host.programs.set('dpkg-query', async () => ({
    output: neededPackages.map((name) => `${name} installed\n`).join(''),
  }));
  // What the file system would do with a file as with a partition.
  host.programs.set('chown', async () => ({}));
  // A small program stands for Node.js: copying a hundred megabytes proves nothing more.
  const node = path.join(bundle, 'cli.js');
  context = { system: host.system, reporter: silentReporter, logger: silentLogger, bundle, node };
});
afterEach(() => host.remove());

function answers() {
  return validateAnswers({
    hostName: 'front-door',
    timeZone: 'Europe/Berlin',
    account: { name: 'maria' },
    unlocking: { passphrase: 'correct horse battery staple' },
    owner: { keys: [{ from: 'file', file: 'owner.asc' }] },
    cameras: [{ name: 'front', input: { device: '/dev/video0' } }],
  });
}

test('relatives of Debian are known, others are refused before anything is changed', async () => {
  assert.match(await checkHost(host.system), /bookworm/);
  await host.put('/etc/os-release', "ID=linuxmint\nID_LIKE='ubuntu debian'\nPRETTY_NAME=Mint\n");
  assert.equal(await checkHost(host.system), 'Mint');
  await host.put('/etc/os-release', 'ID=fedora\n');
  await assert.rejects(installProgram(context), { code: 'SYSTEM_UNSUITABLE' });
  assert.deepEqual(host.calls, []);
  assert.deepEqual(parseOsRelease('# x\nID="a b"\nbad line\n'), { ID: 'a b' });
});

test('a system that systemd did not start is refused', async () => {
  await rm(host.system.at('/run/systemd'), { recursive: true });
  await assert.rejects(checkHost(host.system), { code: 'SYSTEM_UNSUITABLE' });
});

test('packages that are missing are installed, and the lists are refreshed where they are old', async () => {
  host.programs.set('dpkg-query', async () => ({
    output: 'ffmpeg installed\ntzdata config-files\n',
    exitCode: 1,
  }));
  const missing = await missingPackages(host.system);
  assert.ok(missing.includes('tzdata') && !missing.includes('ffmpeg'));
  let tries = 0;
  host.programs.set('apt-get', async (args) => ({
    exitCode: args[0] === 'install' && ++tries === 1 ? 100 : 0,
  }));
  await installProgram(context);
  const apt = host.calls.filter((call) => call.startsWith('apt-get')).map((call) => call.split(' ')[1]);
  assert.deepEqual(apt, ['install', 'update', 'install']);
});

test('installing and setting up leaves host name, accounts and consoles of the system alone', async () => {
  const place = await installProgram(context);
  assert.equal(await host.read('/usr/lib/encrocam/cli.js'), 'cli.js');
  assert.equal(await host.system.readLink('/usr/bin/encrocam'), '/usr/lib/encrocam/encrocam');
  assert.equal(
    await host.read('/usr/lib/systemd/system/encrocam-agent.socket'),
    'units/encrocam-agent.socket',
  );
  assert.deepEqual(await host.system.list('/usr/lib/systemd/system'), ['encrocam-agent.socket']);

  const file = path.join(bundle, 'answers.json');
  await setUpInstalled(answers(), file, place, context);
  assert.equal(await readState(host.system), 'recording');
  assert.equal(await host.read('/etc/hostname'), 'workstation\n');
  assert.equal(await host.system.account('maria'), undefined);
  assert.match((await host.read('/etc/encrocam/owner-1.asc')) ?? '', /BEGIN PGP PUBLIC KEY/);
  assert.ok(host.calls.includes(`fallocate --length 64MiB ${host.system.at(place.volume)}`));
  assert.ok(
    !host.calls.some((call) => /lsblk|findmnt|sfdisk|growpart/.test(call)),
    'partitions were touched',
  );
});

test('installing again keeps what was set up, and uninstalling keeps recordings and keys', async () => {
  const place = await installProgram(context);
  await setUpInstalled(answers(), path.join(bundle, 'answers.json'), place, context);
  await host.put(`${paths.recordings}/front/rec.encrocam`, 'video');
  await installProgram(context);
  assert.equal(await isSetUp(host.system), true);

  await uninstall(host.system, silentReporter, { purge: false });
  assert.equal(await host.system.exists('/usr/lib/encrocam'), false);
  assert.deepEqual(await host.system.list('/usr/lib/systemd/system'), []);
  assert.equal(await host.read(`${paths.recordings}/front/rec.encrocam`), 'video');
  assert.equal(await readState(host.system), 'locked');

  const again = await installProgram(context);
  assert.equal(await isSetUp(host.system), true);
  await openVolume(host.system, again, 'correct horse battery staple');
  assert.equal(await readState(host.system), 'recording');
});

test('an earlier volume is never formatted because another passphrase was given', async () => {
  const place = await installProgram(context);
  await setUpInstalled(answers(), path.join(bundle, 'answers.json'), place, context);
  const { uuid } = host.volume;
  await uninstall(host.system, silentReporter, { purge: false });
  await host.system.remove(paths.doneMark);
  const other = { ...answers(), unlocking: { passphrase: 'something else', recoveryKey: false } };
  const again = await installProgram(context);
  await assert.rejects(setUpInstalled(other, path.join(bundle, 'answers.json'), again, context), {
    code: 'PASSPHRASE_WRONG',
  });
  assert.equal(host.volume.uuid, uuid);
});

test('--purge leaves nothing', async () => {
  const place = await installProgram(context);
  await setUpInstalled(answers(), path.join(bundle, 'answers.json'), place, context);
  await uninstall(host.system, silentReporter, { purge: true });
  for (const directory of ['/var/lib/encrocam', '/etc/encrocam', '/usr/lib/encrocam', '/usr/bin/encrocam']) {
    assert.equal(await host.system.exists(directory), false, directory);
  }
});

test('the program is found beside the script that runs, also through a link', async () => {
  const link = path.join(bundle, 'link.js');
  await symlink(path.join(bundle, 'cli.js'), link);
  assert.equal(await findBundle(link), bundle);
});
