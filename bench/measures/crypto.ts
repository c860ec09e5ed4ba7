/** Encrypting and decrypting, as shares of what openssl does with the same cipher on the same machine. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bundle } from '../../ci/bundle.ts';
import { VideoEncrypter } from '../../runtime/encrocrypt/index.ts';
import { makeKeys } from '../keys.ts';
import { opensslMegabytesPerSecond } from '../openssl.ts';
import { makeRecording } from '../recording.ts';
import type { Figure } from '../report.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const packetBytes = 64 * 1024;
const rounds = 5;
const secondsEach = 1;
const recordingBytes = 2 * 2 ** 30;

export async function measureCrypto(directory: string): Promise<Figure[]> {
  // As it is published; from source it takes a quarter longer.
  await bundle();
  const keys = { ...(await makeKeys(directory)), encrocam: path.join(root, 'build/bundle/encrocam') };
  const file = path.join(directory, 'decrypt.encrocam');
  await makeRecording({
    ...keys,
    file,
    totalBytes: recordingBytes,
    packetBytes,
    startMs: Date.UTC(2026, 0, 1),
    durationMs: 3_600_000,
  });
  const raw: number[] = [];
  const encrypting: number[] = [];
  const decrypting: number[] = [];
  // In turn, so that a slow moment of the machine hits all three.
  for (let round = 0; round < rounds; round++) {
    raw.push(await opensslMegabytesPerSecond('aes-128-gcm', packetBytes));
    encrypting.push(encryptMegabytesPerSecond());
    decrypting.push(await decryptMegabytesPerSecond(file, keys));
  }
  // The best of each: what else the machine does can only make a round slower.
  const [openssl, encrypt, decrypt] = [Math.max(...raw), Math.max(...encrypting), Math.max(...decrypting)];
  return [
    { name: 'openssl aes-128-gcm, 64 KiB', value: openssl, unit: 'MB/s' },
    { name: 'encrypting 64 KiB packets', value: encrypt, unit: 'MB/s' },
    { name: 'encrypting, share of openssl', value: encrypt / openssl, unit: '', target: { atLeast: 0.5 } },
    { name: 'decrypting 2 GiB to /dev/null, whole process', value: decrypt, unit: 'MB/s' },
    { name: 'decrypting, share of openssl', value: decrypt / openssl, unit: '', target: { atLeast: 0.35 } },
  ];
}

function encryptMegabytesPerSecond(): number {
  const encrypter = new VideoEncrypter(randomBytes(16));
  const video = randomBytes(packetBytes);
  const startMs = performance.now();
  let packets = 0;
  while (performance.now() - startMs < secondsEach * 1000) {
    for (let index = 0; index < 64; index++) encrypter.encryptToParts(video, 1.8e12);
    packets += 64;
  }
  return (packets * packetBytes) / 1e3 / (performance.now() - startMs);
}

async function decryptMegabytesPerSecond(
  file: string,
  keys: { encrocam: string; ownerSecretFile: string; cameraPublicFile: string },
): Promise<number> {
  const { size } = await stat(file);
  const startMs = performance.now();
  await run(keys.encrocam, [
    'decrypt',
    file,
    '/dev/null',
    '--force',
    '--signed-by',
    keys.cameraPublicFile,
    '--key',
    keys.ownerSecretFile,
  ]);
  return size / 1e3 / (performance.now() - startMs);
}
