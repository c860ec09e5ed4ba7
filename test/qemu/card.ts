/**
 * A card in a file: a copy of the image, as large as wanted, whose partitions are read and written on this machine
 * without mounting anything (mtools for FAT, debugfs for ext4). Only for a card that is in no machine at the moment.
 */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { removeTemporary, temporaryDirectory } from './temporary.ts';

export interface Partition {
  readonly number: number;
  readonly name: string;
  readonly startByte: number;
  readonly sizeBytes: number;
}

const sectorBytes = 512;
const run = $({ quiet: true });

export class Card {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  /** Copies an image; holes stay holes. */
  static async copyOf(image: string, file: string, options: { sizeBytes?: number } = {}): Promise<Card> {
    await run`cp --sparse=always --reflink=auto ${image} ${file}`;
    if (options.sizeBytes !== undefined) await run`truncate -s ${options.sizeBytes} ${file}`;
    return new Card(file);
  }

  async copy(file: string): Promise<Card> {
    return Card.copyOf(this.file, file);
  }

  async remove(): Promise<void> {
    await rm(this.file, { force: true });
  }

  /**
   * The partitions by the primary table.
   * @throws when sfdisk finds no valid table.
   */
  async partitions(): Promise<Partition[]> {
    const { stdout } = await run`sfdisk --json ${this.file}`;
    const { partitiontable } = JSON.parse(stdout) as {
      partitiontable: { partitions: { start: number; size: number; name?: string }[] };
    };
    return partitiontable.partitions.map(({ start, size, name }, index) => ({
      number: index + 1,
      name: name ?? '',
      startByte: start * sectorBytes,
      sizeBytes: size * sectorBytes,
    }));
  }

  async partition(name: string): Promise<Partition> {
    const found = (await this.partitions()).find((partition) => partition.name === name);
    if (!found) throw new Error(`The card ${this.file} has no partition ${name}.`);
    return found;
  }

  /** Puts files on the boot partition, as an owner does with the card in a reader. */
  async writeBootFiles(files: Readonly<Record<string, string | Buffer>>): Promise<void> {
    const drive = await this.#bootDrive();
    const directory = temporaryDirectory('file');
    try {
      for (const [name, content] of Object.entries(files)) {
        const file = path.join(directory, 'file');
        await writeFile(file, content);
        await run`mcopy -o -i ${drive} ${file} ${`::${name}`}`;
      }
    } finally {
      removeTemporary(directory);
    }
  }

  /** A file of the boot partition, or `undefined`. */
  async readBootFile(name: string): Promise<string | undefined> {
    if (!(await this.listBoot()).includes(name.toLowerCase())) return undefined;
    const { stdout } = await run`mtype -i ${await this.#bootDrive()} ${`::${name}`}`;
    return stdout;
  }

  /** Names in the boot partition's root, in lower case. */
  async listBoot(): Promise<string[]> {
    const { stdout } = await run`mdir -b -i ${await this.#bootDrive()} ::`;
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => line.replace(/^::\//, '').replace(/\/$/, '').toLowerCase());
  }

  /** Which of these texts stand anywhere on a partition, in files or in what was deleted. */
  async textsOn(name: string, texts: readonly string[]): Promise<string[]> {
    const { startByte, sizeBytes } = await this.partition(name);
    const patterns = texts.flatMap((text) => ['-e', text]);
    const found = await run`
      dd if=${this.file} bs=1M iflag=skip_bytes,count_bytes skip=${startByte} count=${sizeBytes} status=none |
      { LC_ALL=C grep -a -o -F ${patterns} || [ $? = 1 ]; } | sort -u`;
    return found.stdout.split('\n').filter(Boolean);
  }

  /** Leaves nothing of a partition, as a card does whose memory fails. */
  async wipe(name: string): Promise<void> {
    const { startByte, sizeBytes } = await this.partition(name);
    await run`fallocate --punch-hole --offset ${startByte} --length ${sizeBytes} ${this.file}`;
  }

  /** Copies a directory of an ext4 partition, with all in it, into a directory of this machine. */
  async extract(partition: string, directory: string, target: string): Promise<void> {
    await this.#debugfs(partition, `rdump "${directory}" "${target}"`);
  }

  /** What e2fsck would mend, in the order it found it, once the journal is replayed; empty for a whole file system. */
  async mend(partition: string): Promise<string> {
    return this.#withFileSystem(partition, async (file) => {
      const checked = await run({ nothrow: true })`e2fsck -f -n ${file}`;
      return checked.exitCode === 0 ? '' : `${checked.stdout}${checked.stderr}`;
    });
  }

  /** A copy of an ext4 partition with its journal replayed, as the next start does: debugfs does not look there. */
  async #withFileSystem<T>(partition: string, look: (file: string) => Promise<T>): Promise<T> {
    const { startByte, sizeBytes } = await this.partition(partition);
    const directory = temporaryDirectory('file');
    const file = path.join(directory, 'file-system');
    try {
      await run`dd if=${this.file} of=${file} bs=1M iflag=skip_bytes,count_bytes skip=${startByte} count=${sizeBytes} conv=sparse status=none`;
      await run`truncate -s ${sizeBytes} ${file}`;
      await run({ nothrow: true })`e2fsck -E journal_only -p ${file}`;
      return await look(file);
    } finally {
      removeTemporary(directory);
    }
  }

  async #bootDrive(): Promise<string> {
    return `${this.file}@@${(await this.partition('boot')).startByte}`;
  }

  async #debugfs(partition: string, request: string): Promise<string> {
    return this.#withFileSystem(partition, async (file) => {
      const { stdout, stderr } = await run`debugfs -R ${request} ${file}`;
      // debugfs exits with 0 whatever happens; the first line of its standard error is its version.
      const problems = stderr.split('\n').slice(1).join('\n').trim();
      if (problems !== '') throw new Error(`debugfs ${request}: ${problems}`);
      return stdout;
    });
  }
}
