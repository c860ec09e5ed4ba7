/** A small disk that is really small: a tmpfs, mounted by root or with `sudo -n`, of which the user owns the top. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export class SmallDisk {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Over a directory that exists. */
  static async mount(directory: string, sizeBytes: number): Promise<SmallDisk> {
    const owner = `uid=${process.getuid?.() ?? 0},gid=${process.getgid?.() ?? 0}`;
    const options = `size=${sizeBytes},mode=0755,${owner}`;
    await asRoot('mount', '-t', 'tmpfs', '-o', options, 'encrocam-test', directory);
    return new SmallDisk(directory);
  }

  makeReadOnly(): Promise<void> {
    return asRoot('mount', '-o', 'remount,ro', this.directory);
  }

  /** Also while something on it is still open. */
  unmount(): Promise<void> {
    return asRoot('umount', '--lazy', this.directory);
  }
}

async function asRoot(...command: string[]): Promise<void> {
  const [program = '', ...args] = process.getuid?.() === 0 ? command : ['sudo', '-n', ...command];
  await run(program, args);
}
