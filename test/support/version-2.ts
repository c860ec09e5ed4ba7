/** A recording of EncroCrypt2 that is made at once, and what can be told of it once somebody had it in hand. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { encodeKeyPacket, VideoEncrypter } from '../../runtime/encrocrypt/index.ts';
import { seal } from '../../runtime/pgp/seal.ts';
import { cameraFile, cameraKeys, firstMs } from './camera-recordings.ts';
import { decrypt } from './decrypt-command.ts';
import { verify } from './verify-command.ts';

export interface Version2 {
  readonly keyPacket: Buffer;
  /** What the key packet carries: every owner has it. */
  readonly key: Buffer;
  /** One for each minute; its video is `NAME MINUTE `. */
  readonly packets: readonly Buffer[];
}

export async function recordVersion2(name: string, minutes = 6): Promise<Version2> {
  const key = randomBytes(16);
  const encrypter = new VideoEncrypter(key);
  const packets = Array.from({ length: minutes }, (_, minute) =>
    Buffer.from(encrypter.encrypt(Buffer.from(`${name} ${minute} `), firstMs + minute * 60_000)),
  );
  return { keyPacket: encodeKeyPacket(await seal(key, await cameraKeys())), key, packets };
}

/**
 * Whoever decrypts such a file finds nothing wrong with it, whatever it says; and `verify` says that nothing can be told.
 * @param video what the owner gets to see.
 */
export async function assertVersion2CannotTell(
  file: string,
  packets: readonly Buffer[],
  video: string,
): Promise<void> {
  await writeFile(file, Buffer.concat([...packets]));
  assert.deepEqual(await decrypt([file]), { exitCode: 0, output: video, errors: '' });
  const { exitCode, output } = await verify([file, '--signed-by', cameraFile]);
  assert.equal(exitCode, 2);
  assert.match(output, /EncroCrypt2[\s\S]*left out, repeated, moved or cut off at the end cannot be told/);
  assert.match(output, /whether it is as the camera recorded it cannot be told/);
}
