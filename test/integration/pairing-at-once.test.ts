/** `encrocam pair` beside itself, and when its window is closed: no keys are lost, and none stay behind. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readOwnerFile, withOwnerFile } from '../../ledger/owner/key-file.ts';
import { Terminal } from '../support/terminal.ts';

const cli = fileURLToPath(new URL('../../runtime/cli.ts', import.meta.url));
const passphrase = 'six words picked at random';

let directory: string;
let ownerFile: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'encrocam-pair-'));
  ownerFile = path.join(directory, 'keys/owner.json');
});

afterEach(() => rm(directory, { recursive: true, force: true }));

/** What it said if it was refused. */
async function pair(name: string): Promise<string | undefined> {
  const args = [cli, 'pair', '--owner', ownerFile, '--yes', '--json', '--name', name];
  const env = { ...process.env, ENCROCAM_OWNER_PASSPHRASE: passphrase };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env }, (error, _, errors) => resolve(error ? errors : undefined));
  });
}

async function namesInFile(): Promise<string[]> {
  return (await readOwnerFile(ownerFile, passphrase)).cameras.map(({ name }) => name).sort();
}

test('a command waits for no other one at the key file, and changes nothing', async () => {
  await withOwnerFile(ownerFile, async () => {
    assert.match((await pair('first')) ?? '', /works on .*owner\.json\. \[ALREADY_RUNNING\]/);
  });
  assert.ok(!existsSync(ownerFile));
  assert.equal(await pair('first'), undefined);
});

test('of pairings at one moment, each that succeeds is in the key file', async () => {
  const names = ['a', 'b', 'c', 'd'];
  const refusals = await Promise.all(names.map(pair));
  for (const refusal of refusals) assert.match(refusal ?? '[ALREADY_RUNNING]', /\[ALREADY_RUNNING\]/);
  assert.deepEqual(
    await namesInFile(),
    names.filter((_, index) => refusals[index] === undefined),
  );
});

test('the page for a browser does not outlive its terminal window', async () => {
  const screen = new Terminal(`${process.execPath} ${cli} pair --owner ${ownerFile} --yes --browser`, {
    env: { ENCROCAM_OWNER_PASSPHRASE: passphrase, TMPDIR: directory, PATH: '/usr/bin:/bin' },
  });
  const [, page = ''] = await screen.expect(/file:\/\/(\S+codes\.html)/);
  await screen.expect(/Press Enter/);
  assert.ok(existsSync(page));
  screen.end();
  for (const deadline = Date.now() + 10_000; existsSync(path.dirname(page)); await pause(50)) {
    assert.ok(Date.now() < deadline, `${page} is still there`);
  }
});
