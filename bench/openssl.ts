/** What `openssl speed` makes of this machine, in the same run as what is compared with it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const secondsEach = 1;

/**
 * One thread's throughput for blocks of this length.
 * @param clock `wall`, or `processor`: by the time that it had a core, which other work on the machine does not change.
 */
export async function opensslMegabytesPerSecond(
  algorithm: 'aes-128-gcm' | 'sha256',
  blockBytes: number,
  clock: 'wall' | 'processor' = 'wall',
): Promise<number> {
  const { stdout } = await run('openssl', [
    'speed',
    ...(clock === 'wall' ? ['-elapsed'] : []),
    '-mr',
    '-seconds',
    String(secondsEach),
    '-bytes',
    String(blockBytes),
    '-evp',
    algorithm,
  ]);
  const bytesPerSecond = Number(/^\+F:\d+:[^:]+:([\d.]+)/m.exec(stdout)?.[1]);
  if (!(bytesPerSecond > 0)) throw new Error(`openssl speed said: ${stdout}`);
  return bytesPerSecond / 1e6;
}
