/** The image under test, and cards that were made of it. */
import { existsSync, globSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { Card } from './card.ts';
import { removeTemporary, temporaryDirectory } from './temporary.ts';

const root = path.resolve(import.meta.dirname, '../..');
const gibibyte = 1024 ** 3;
/** The smallest card that is sold these days is larger, and says as much less about growing. */
export const cardBytes = 4 * gibibyte;

let built: Promise<string> | undefined;

/**
 * The image of this checkout: built, or taken from the build's cache where nothing changed. ENCROCAM_IMAGE names
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
  await $({ cwd: root, quiet: true })`make --no-print-directory image`;
  const image = newestImage();
  if (image === undefined) throw new Error('make image left no image in build/.');
  return image;
}

/** The image that was built last. */
export function newestImage(): string | undefined {
  const images = globSync('build/*.img', { cwd: root }).map((name) => path.join(root, name));
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
