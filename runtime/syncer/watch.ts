/**
 * Tells of changes in one directory. The directory is watched, not its files: one watch whatever their number.
 * A directory that does not exist yet is made: chokidar does not notice one that appears together with its parent.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

export interface DirectoryWatch {
  close(): Promise<void>;
}

export interface WatchOptions {
  readonly directory: string;
  readonly onChange: (fileName: string) => void;
  /** Changes may have gone unnoticed: look at everything. */
  readonly onError: (error: unknown) => void;
}

export async function watchDirectory(options: WatchOptions): Promise<DirectoryWatch> {
  const { directory, onChange, onError } = options;
  await mkdir(directory, { recursive: true });
  const { watch } = await import('chokidar');
  const watcher = watch(directory, {
    depth: 0,
    ignoreInitial: true,
    followSymlinks: false,
    // Recordings are appended to in place: nothing here is saved by renaming, and nothing waits for that.
    atomic: false,
  });
  watcher.on('all', (_event, file) => onChange(path.basename(file)));
  watcher.on('error', onError);
  return { close: () => watcher.close() };
}
