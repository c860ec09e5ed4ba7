/** What every step is given: where things are, and the few facts that all of them need. */
import type { Base, ImageDescription } from '../types.ts';
import type { PackageFile } from './apt.ts';
import type { Emulation } from './emulation.ts';
import type { Runner } from './run.ts';
import type { Tools } from './tools.ts';

export interface Build {
  readonly image: ImageDescription;
  readonly base: Base;
  readonly runner: Runner;
  readonly tools: Tools;
  readonly emulation: Emulation;
  /** The repository's root, without a slash at its end. */
  readonly repository: string;
  readonly cache: string;
  /** Where artifacts go. */
  readonly output: string;
  /** Holds what one step leaves for the next. */
  readonly work: string;
  /** The root file system, being made. */
  readonly tree: string;
  /** The boot partition's contents, being made. */
  readonly bootTree: string;
  readonly version: string;
  /** Seconds since 1970 that no time in the image is later than. */
  readonly epoch: number;
  /** Answers to bake in, if any. */
  readonly answers: string | undefined;
  /** The packages on the card with their hashes, and the files that hold them. */
  readonly packages: readonly PackageFile[];
  readonly packageFiles: ReadonlyMap<PackageFile, string>;
  /** A line for the person who waits. */
  readonly say: (text: string) => void;
}

/** Name of an artifact without its ending. */
export function artifactName(build: Pick<Build, 'image' | 'base' | 'version'>): string {
  return `${build.image.name}-${build.version}-${build.base.name}`;
}
