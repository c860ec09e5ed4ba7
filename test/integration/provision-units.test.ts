/** The card's units: what systemd takes, without cycles, and with nothing that waits for a network. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { cardOnlyUnits, enabledUnits, installedUnitNames } from '../../provision/install/program.ts';
import { paths } from '../../provision/place.ts';
import { findCommand } from '../../runtime/commands.ts';

const run = promisify(execFile);
const repository = path.join(import.meta.dirname, '../..');
const sources = ['runtime/systemd', 'provision/systemd'].map((name) => path.join(repository, name));

async function unitTexts(): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const source of sources) {
    for (const entry of await readdir(source, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name);
      if (entry.isFile()) texts.set(path.relative(source, file), await readFile(file, 'utf8'));
    }
  }
  return texts;
}

test('systemd accepts all units together, drop-ins included, without a warning and without a cycle', async (context) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-units-'));
  context.after(() => rm(directory, { recursive: true }));
  for (const source of sources) await cp(source, directory, { recursive: true });
  const texts = await unitTexts();
  for (const [name, text] of texts) {
    // The program is not there while the units are checked.
    const runnable = text.replaceAll(/\/usr\/(?:lib\/encrocam|bin)\/encrocam/g, '/bin/true');
    await writeFile(path.join(directory, name), runnable);
  }
  const whole = [...texts.keys()].filter((name) => !name.includes('/'));
  const consoles = ['getty@tty1.service', 'serial-getty@ttyAMA0.service'];
  const { stdout, stderr } = await run(
    'systemd-analyze',
    [
      'verify',
      '--man=no',
      'multi-user.target',
      ...whole.map((name) => path.join(directory, name)),
      ...consoles,
    ],
    { env: { ...process.env, SYSTEMD_UNIT_PATH: `${directory}:` } },
  );
  const about = `${stdout}${stderr}`.split('\n').filter((line) => /encrocam|cycle|getty@/.test(line));
  assert.deepEqual(about, []);
});

test('no unit waits for the network to be complete', async () => {
  for (const [name, text] of await unitTexts()) {
    assert.doesNotMatch(text, /network-online\.target|systemd-networkd-wait-online/, name);
  }
});

test('every unit starts a command that exists', async () => {
  let commands = 0;
  for (const [name, text] of await unitTexts()) {
    for (const [, command] of text.matchAll(/^ExecStart=.*\/encrocam ([a-z-]+)/gm)) {
      assert.ok(findCommand(command ?? ''), `${name}: ${command}`);
      commands++;
    }
  }
  assert.ok(commands >= 8);
});

test('the socket that the agent listens on is the one that front ends connect to, and not for everybody', async () => {
  const socket = (await unitTexts()).get('encrocam-agent.socket') ?? '';
  assert.match(socket, new RegExp(`^ListenStream=${paths.agentSocket}$`, 'm'));
  assert.match(socket, /^SocketMode=0660$/m);
  assert.match(socket, /^SocketGroup=unlock$/m);
});

test("an installed system gets every unit but those that are the card's, and what is enabled is among them", async () => {
  const names = (await Promise.all(sources.map(installedUnitNames))).flat();
  for (const name of cardOnlyUnits) assert.ok(!names.includes(name), name);
  for (const name of enabledUnits) assert.ok(names.includes(name), name);
  assert.ok(!enabledUnits.includes('encrocam.target'), 'the agent starts it, after unlocking');
  const all = (await Promise.all(sources.map((source) => readdir(source)))).flat();
  assert.equal(names.length + cardOnlyUnits.length, all.length);
});

test('consoles are restarted for ever, and show no echo before the prompt runs', async () => {
  const texts = await unitTexts();
  for (const name of ['getty@.service.d/encrocam.conf', 'serial-getty@.service.d/encrocam.conf']) {
    const text = texts.get(name) ?? '';
    assert.match(text, /^StartLimitIntervalSec=0$/m, name);
    assert.match(text, /ExecStart=-\/bin\/sh -c "stty -echo; .*exec \/usr\/bin\/encrocam console %I"/, name);
  }
});
