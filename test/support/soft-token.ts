/** A token of SoftHSM2 in a directory of its own, as a secure element for tests and measurements. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Pkcs11Identity } from '../../runtime/config/types.ts';

const run = promisify(execFile);
/** Of Debian's libsofthsm2. */
export const softModule = '/usr/lib/softhsm/libsofthsm2.so';

/** Everything that a shell, OpenSC's own prefix or an encoding could trip over. */
export const awkwardPin = `env:a "b$c;'ü\\ -`;

export interface SoftToken {
  /** `ledger.identity` for it. */
  readonly identity: Pkcs11Identity;
  readonly pin: string;
  /** Where SoftHSM keeps the tokens. */
  readonly directory: string;
  /** SOFTHSM2_CONF, which this process and its children have from now on. */
  readonly config: string;
  /** Writes the configuration again, with more lines. */
  configure(lines?: string): Promise<void>;
  /** What `pkcs11-tool` says, logged in. */
  tool(...args: string[]): Promise<string>;
  remove(): Promise<void>;
}

export async function createSoftToken(pin = '1234', token = 'encrocam'): Promise<SoftToken> {
  const place = await mkdtemp(path.join(os.tmpdir(), 'encrocam-softhsm-'));
  const directory = path.join(place, 'tokens');
  const config = path.join(place, 'softhsm2.conf');
  await mkdir(directory);
  const configure = (lines = ''): Promise<void> =>
    writeFile(
      config,
      `directories.tokendir = ${directory}\nobjectstore.backend = file\nlog.level = ERROR\n${lines}`,
    );
  await configure();
  process.env.SOFTHSM2_CONF = config;
  await run('softhsm2-util', [
    '--init-token',
    '--free',
    '--label',
    token,
    '--so-pin',
    '12345678',
    '--pin',
    pin,
  ]);
  return {
    ...{ pin, directory, config, configure },
    identity: { driver: 'pkcs11', module: softModule, token, pin, label: 'encrocam' },
    async tool(...args) {
      const common = ['--module', softModule, '--token-label', token, '--login', '--pin', 'env:PIN'];
      const { stdout } = await run('pkcs11-tool', [...common, ...args], {
        env: { ...process.env, PIN: pin },
      });
      return stdout;
    },
    remove: () => rm(place, { recursive: true, force: true }),
  };
}
