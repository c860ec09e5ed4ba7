/** `encrocam decrypt` as the owner of the vectors' key runs it. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { cameraFile } from './camera-recordings.ts';

const encrocam = path.join(import.meta.dirname, '../../bin/encrocam');
const ownerSecretFile = path.join(import.meta.dirname, '../vectors/encrocrypt2/owner.secret.asc');

export interface Decrypted {
  readonly exitCode: number;
  /** The video. */
  readonly output: string;
  readonly errors: string;
}

/**
 * Times in what it says are in UTC.
 * @param input what comes from standard input.
 */
export function decrypt(args: readonly string[], input?: Buffer): Promise<Decrypted> {
  return new Promise((resolve) => {
    const child = execFile(
      encrocam,
      ['decrypt', ...args, '--signed-by', cameraFile, '--key', ownerSecretFile],
      { env: { ...process.env, TZ: 'UTC' } },
      (error, output, errors) => resolve({ exitCode: error ? Number(error.code) : 0, output, errors }),
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
