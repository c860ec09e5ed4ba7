/**
 * Programs of one known version whatever the host is, from packages into the cache, run with their own C library: like
 * the tools that shape the image.
 */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { gatherTools } from '../../image/build/packages.ts';
import { Runner } from '../../image/build/run.ts';
import { cacheDirectory } from '../../image/build/store.ts';
import type { Tools } from '../../image/build/tools.ts';
import { artifactsDirectory } from './artifacts.ts';

const gathered = new Map<string, Promise<Tools>>();

/** @param description file beside this one. */
export function toolsTree(description: string): Promise<Tools> {
  const running = gathered.get(description) ?? gather(description);
  gathered.set(description, running);
  return running;
}

async function gather(description: string): Promise<Tools> {
  await mkdir(artifactsDirectory, { recursive: true });
  const runner = new Runner(path.join(artifactsDirectory, 'tools.log'), {
    PATH: process.env.PATH ?? '',
    LC_ALL: 'C.UTF-8',
  });
  try {
    const text = readFileSync(path.join(import.meta.dirname, description), 'utf8');
    return await gatherTools({ runner, cache: cacheDirectory() }, JSON.parse(text));
  } finally {
    await runner.close();
  }
}
