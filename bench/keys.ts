import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeOwnerKey } from '../test/support/owner-key.ts';

const run = promisify(execFile);

export interface BenchKeys {
  /** The command, as in a checkout. */
  readonly encrocam: string;
  readonly ownerPublicFile: string;
  readonly ownerSecretFile: string;
  readonly cameraPublicFile: string;
  readonly cameraSecretFile: string;
}

/** Throwaway keys of an owner and a camera; made once a directory. */
export async function makeKeys(directory: string): Promise<BenchKeys> {
  const known = made.get(directory);
  if (known) return known;
  const keys: BenchKeys = {
    encrocam: fileURLToPath(new URL('../bin/encrocam', import.meta.url)),
    ownerPublicFile: path.join(directory, 'owner.public.asc'),
    ownerSecretFile: path.join(directory, 'owner.secret.asc'),
    cameraPublicFile: path.join(directory, 'camera.public.asc'),
    cameraSecretFile: path.join(directory, 'camera.secret.asc'),
  };
  await makeOwnerKey(keys.ownerPublicFile, keys.ownerSecretFile);
  await run(keys.encrocam, ['keygen', '--out', path.join(directory, 'camera')]);
  made.set(directory, keys);
  return keys;
}

const made = new Map<string, BenchKeys>();
