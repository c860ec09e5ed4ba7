/** `encrocam verify` as people run it. */
import { execFile } from 'node:child_process';
import path from 'node:path';

const encrocam = path.join(import.meta.dirname, '../../bin/encrocam');

export interface Verified {
  readonly exitCode: number;
  readonly output: string;
  readonly errors: string;
}

/** Times in what it says are in UTC. */
export function verify(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Verified> {
  return new Promise((resolve) => {
    execFile(
      encrocam,
      ['verify', ...args],
      { env: { ...process.env, TZ: 'UTC', ...environment } },
      (error, output, errors) => resolve({ exitCode: error ? Number(error.code) : 0, output, errors }),
    );
  });
}
