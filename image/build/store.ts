/**
 * The cache in `~/.cache/encrocam`: entries are made under a temporary name and renamed when complete, so that an
 * entry that exists is whole.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return env.ENCROCAM_CACHE ?? path.join(env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'encrocam');
}

/** A short name for content that depends on `parts`, in their order. */
export function keyOf(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('hex').slice(0, 24);
}

export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/**
 * The path of the entry, made by `make(temporaryPath)` unless it is there. `make` may make a file or a directory.
 */
export async function cached(entry: string, make: (temporary: string) => Promise<void>): Promise<string> {
  if (existsSync(entry)) return entry;
  await mkdir(path.dirname(entry), { recursive: true });
  const temporary = `${entry}.making-${process.pid}`;
  await rm(temporary, { recursive: true, force: true });
  try {
    await make(temporary);
    await rename(temporary, entry).catch(async (error: NodeJS.ErrnoException) => {
      // Somebody else was faster: theirs is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return entry;
}
