/** For tests: an owner without OpenPGP, and what a camera has of them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type CameraKeys, pairedKeys, writeCameraKeys } from '../video-keys/camera-keys.ts';
import { encodeCommand } from '../video-keys/command-file.ts';
import { type Purpose, type VideoKey, wrapVideoKey } from '../video-keys/keys.ts';
import { OwnerKeyRing } from './owner-key-ring.ts';

export const kek = Buffer.alloc(32, 0x4b);
export const cameraAddress = Buffer.alloc(20, 0xca);

export function videoKey(purpose: Purpose, counter: number): VideoKey {
  return { purpose, counter, key: Buffer.alloc(32, 16 * counter + (purpose === 'live' ? 1 : 0)) };
}

export function wrapped(purpose: Purpose, counter: number): Buffer {
  return wrapVideoKey(kek, videoKey(purpose, counter));
}

export function pairedCamera(): CameraKeys {
  return pairedKeys(
    { camera: cameraAddress, owner: Buffer.alloc(20, 0x0e), kek },
    { recordings: wrapped('recordings', 1), live: wrapped('live', 1) },
  );
}

export function commandText(purpose: Purpose, counter: number, camera: Buffer = cameraAddress): string {
  return encodeCommand({ camera, wrapped: wrapped(purpose, counter) });
}

/** A camera that was paired, with a directory of its own. */
export async function pairedPlace(context: TestContext) {
  const directory = await mkdtemp(path.join(tmpdir(), 'owner-'));
  context.after(() => rm(directory, { recursive: true }));
  const file = path.join(directory, 'owner-keys.json');
  await writeCameraKeys(file, pairedCamera());
  return { directory, file, ring: await OwnerKeyRing.open(file) };
}
