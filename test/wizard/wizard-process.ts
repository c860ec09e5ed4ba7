/**
 * A wizard in a process of its own, on a directory that stands for the camera: real questions, real terminal, real
 * ffmpeg, drive and web; only what needs a block device or changes the system is played. The volume is a directory
 * that is moved out of sight while it is closed.
 *
 *   node wizard-process.ts ROOT [WHERE]
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Place } from '../../provision/place.ts';
import { makeRecoveryKey } from '../../provision/steps/recovery-key.ts';
import { createSystem } from '../../provision/system.ts';
import { hostMachine } from '../../provision/wizard/host-machine.ts';
import type { ConfigVolume, Machine } from '../../provision/wizard/machine.ts';
import { runWizard } from '../../provision/wizard/main.ts';
import { EncroCamError } from '../../runtime/errors.ts';
import { silentLogger } from '../../runtime/log.ts';
import { makeKeyFiles } from '../../runtime/pgp/keygen-command.ts';

const [root = '', where = 'on the test terminal'] = process.argv.slice(2);
const at = (file: string): string => path.join(root, file);
const system = createSystem({ root });
const place: Place = { kind: 'card', volume: '/dev/config', bootDirectory: '/boot/firmware' };

const header = at('header');
const mounted = at('etc/encrocam');
const closed = at('closed');
const digest = (secret: string): string => createHash('sha256').update(secret).digest('hex');

const volume: ConfigVolume = {
  isMade: async () => existsSync(header),
  async make(passphrase) {
    await rm(header, { force: true });
    await rm(closed, { recursive: true, force: true });
    await rm(mounted, { recursive: true, force: true });
    await mkdir(mounted, { recursive: true });
    await writeFile(header, digest(passphrase));
  },
  async open(passphrase) {
    const digests = (await readFile(header, 'utf8')).split('\n');
    if (!digests.includes(digest(passphrase))) {
      throw new EncroCamError('PASSPHRASE_WRONG', 'The passphrase is wrong.', { hint: 'Type it again.' });
    }
    if (existsSync(closed)) await rename(closed, mounted);
  },
  async close() {
    if (existsSync(mounted)) await rename(mounted, closed);
  },
  async addRecoveryKey() {
    const key = makeRecoveryKey();
    const [passphrase = ''] = (await readFile(header, 'utf8')).split('\n');
    await writeFile(header, `${passphrase}\n${digest(key)}`);
    return key;
  },
};

const machine: Machine = {
  ...hostMachine(system, place, silentLogger),
  volume,
  isDone: async () => existsSync(at('done')),
  hasRadio: async () => process.env.TEST_RADIO === '1',
  joinWifi: (wifi) => writeFile(at('wifi.json'), JSON.stringify(wifi)),
  async finish(answers, reporter) {
    reporter.started('test', 'Pretending');
    const fresh = at('camera');
    await rm(`${fresh}.secret.asc`, { force: true });
    await rm(`${fresh}.public.asc`, { force: true });
    const { fingerprint, publicFile } = await makeKeyFiles(fresh, `EncroCam ${answers.hostName}`);
    await writeFile(at('applied.json'), JSON.stringify(answers));
    await writeFile(at('done'), '');
    return { fingerprint, publicKey: await readFile(publicFile, 'utf8') };
  },
};

const outcome = await runWizard({
  input: process.stdin,
  output: process.stdout,
  system,
  place,
  logger: silentLogger,
  machine,
  where,
  lockName: `\0encrocam-test-${digest(root).slice(0, 16)}`,
});
process.stdout.write(`outcome: ${outcome}\n`);
