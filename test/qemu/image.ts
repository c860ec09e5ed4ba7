/** The image under test, and cards that were made of it. */
import { existsSync, globSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { build, root } from '../image/built.ts';
import { artifactsDirectory } from './artifacts.ts';
import { Card } from './card.ts';
import { removeTemporary, temporaryDirectory } from './temporary.ts';

/** Has systemd's unit by credential, which the tests look into the machine by; Ubuntu 24.04 has not. */
const defaultBase = 'debian-13';
const gibibyte = 1024 ** 3;
/** The smallest card that is sold these days is larger, and says as much less about growing. */
export const cardBytes = 4 * gibibyte;

let built: Promise<string> | undefined;

/**
 * The image of this checkout, from the build's cache of packages and their tree. ENCROCAM_IMAGE names
 * another one, for whoever works on the scenarios themselves.
 */
export function imageUnderTest(): Promise<string> {
  built ??= findImage();
  return built;
}

async function findImage(): Promise<string> {
  const given = process.env.ENCROCAM_IMAGE;
  if (given !== undefined && given !== '') {
    if (!existsSync(given)) throw new Error(`ENCROCAM_IMAGE names ${given}, which does not exist.`);
    return given;
  }
  // Beside what `make image` leaves, whose checksums are those of other bytes.
  const output = path.join(artifactsDirectory, 'image');
  const { exitCode, messages } = await build({ output, env: { BASE: process.env.BASE || defaultBase } });
  if (exitCode !== 0) throw new Error(`The image cannot be built:\n${messages}`);
  const image = newestImage(output);
  if (image === undefined) throw new Error(`The build left no image in ${output}.`);
  return image;
}

/** The image that was built last. */
export function newestImage(directory = path.join(root, 'build')): string | undefined {
  const images = globSync('*.img', { cwd: directory }).map((name) => path.join(directory, name));
  return images.sort((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs)[0];
}

/** A directory for cards; they are large, and go with the test. */
export class CardBox {
  readonly directory: string;
  #number = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static open(): CardBox {
    return new CardBox(temporaryDirectory('cards'));
  }

  /** A card that was just flashed. */
  async flash({ sizeBytes = cardBytes } = {}): Promise<Card> {
    return Card.copyOf(await imageUnderTest(), this.nextFile(), { sizeBytes });
  }

  nextFile(): string {
    return path.join(this.directory, `card-${++this.#number}.img`);
  }

  async removeFile(file: string): Promise<void> {
    await rm(file, { force: true });
  }

  close(): void {
    removeTemporary(this.directory);
  }
}
