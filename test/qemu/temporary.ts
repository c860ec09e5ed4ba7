/**
 * Temporary directories that go with the process that made them: when it ends by itself, by Ctrl-C or by `kill`; and
 * when it was killed outright, as soon as the next one makes its first. Cards are gigabytes: none may be left lying.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const prefix = 'encrocam-qemu-';
const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const mine = new Set<string>();
let isPrepared = false;

/** Makes one; `what` is for whoever finds it. */
export function temporaryDirectory(what: string): string {
  if (!isPrepared) prepare();
  const directory = mkdtempSync(path.join(tmpdir(), `${prefix}${process.pid}-${what}-`));
  mine.add(directory);
  return directory;
}

export function removeTemporary(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  mine.delete(directory);
}

function prepare(): void {
  isPrepared = true;
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    // Somebody else's is not ours to remove; where we may not, we do not.
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) {
      try {
        rmSync(path.join(tmpdir(), name), { recursive: true, force: true });
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code !== 'EACCES' && code !== 'EPERM') throw error;
      }
    }
  }
  process.on('exit', () => {
    for (const directory of mine) rmSync(directory, { recursive: true, force: true });
  });
  // Without a handler, a signal ends the process past `exit`.
  for (const signal of endingSignals) process.once(signal, () => process.exit(1));
}
