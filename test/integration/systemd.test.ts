/** The units are what systemd takes, and no more open than they have to be. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const units = path.join(import.meta.dirname, '../../runtime/systemd');
/** Where the packaged command lies; it is not there while the units are checked. */
const installed = '/usr/lib/encrocam/encrocam';

/**
 * Exposure in systemd's own scale, 0 (sealed) to 10. What is left: the network, the video devices, and memory
 * that V8 may both write and run.
 */
const maxExposure: Record<string, number> = {
  'encrocam-record.service': 2,
  'encrocam-sync.service': 1.8,
  'encrocam-ledger.service': 1.8,
};

test('systemd accepts the units without a warning', async (context) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-units-'));
  context.after(() => rm(directory, { recursive: true }));
  const names = (await readdir(units)).filter((name) => /\.(service|target)$/.test(name)).sort();
  assert.deepEqual(names, [
    'encrocam-ledger.service',
    'encrocam-record.service',
    'encrocam-sync.service',
    'encrocam.target',
  ]);
  for (const name of names) {
    const text = await readFile(path.join(units, name), 'utf8');
    if (name.endsWith('.service')) assert.ok(text.includes(`ExecStart=${installed} `), name);
    await writeFile(path.join(directory, name), text.replaceAll(installed, '/bin/true'));
  }
  const files = names.map((name) => path.join(directory, name));
  const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', ...files]);
  const about = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('encrocam'));
  assert.deepEqual(about, []);
});

for (const [name, limit] of Object.entries(maxExposure)) {
  test(`${name} is exposed by no more than ${limit} of 10`, async () => {
    const { stdout } = await run('systemd-analyze', [
      ...['security', '--offline=yes', '--no-pager', '--json=off'],
      path.join(units, name),
    ]);
    const exposure = /exposure level for .*: ([\d.]+)/.exec(stdout)?.[1];
    assert.ok(exposure !== undefined, stdout);
    assert.ok(Number(exposure) <= limit, `${exposure}:\n${stdout}`);
  });
}

test('the recorder sees cameras, microphones and no other devices, and no service may gain privileges', async () => {
  const record = await readFile(path.join(units, 'encrocam-record.service'), 'utf8');
  const sync = await readFile(path.join(units, 'encrocam-sync.service'), 'utf8');
  assert.match(record, /^DeviceAllow=char-video4linux rw$/m);
  assert.match(record, /^DeviceAllow=char-alsa rw$/m);
  assert.equal(record.match(/^DeviceAllow=/gm)?.length, 2);
  const ledger = await readFile(path.join(units, 'encrocam-ledger.service'), 'utf8');
  assert.match(sync, /^PrivateDevices=yes$/m);
  assert.match(ledger, /^PrivateDevices=yes$/m);
  // One that ends in order has nothing to do.
  assert.match(ledger, /^Restart=on-failure$/m);
  for (const unit of [record, sync]) assert.match(unit, /^Restart=always$/m);
  for (const unit of [record, sync, ledger]) {
    assert.match(unit, /^NoNewPrivileges=yes$/m);
    assert.match(unit, /^User=encrocam$/m);
    assert.match(unit, /^ProtectSystem=strict$/m);
  }
});
