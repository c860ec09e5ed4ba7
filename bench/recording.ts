import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { encodeKeyPacket, VideoEncrypter } from '../runtime/encrocrypt/index.ts';
import { loadSealingKeys, seal } from '../runtime/pgp/seal.ts';

export interface MadeRecording {
  readonly bytes: number;
  readonly packets: number;
  /** The video key, 16 bytes. */
  readonly key: Buffer;
}

/** Writes a recording of about `totalBytes` whose packets are spread evenly over `durationMs`. */
export async function makeRecording(options: {
  file: string;
  totalBytes: number;
  packetBytes: number;
  startMs: number;
  durationMs: number;
  ownerPublicFile: string;
  cameraSecretFile: string;
}): Promise<MadeRecording> {
  const { file, totalBytes, packetBytes, startMs, durationMs } = options;
  const key = randomBytes(16);
  const keys = await loadSealingKeys([options.ownerPublicFile], options.cameraSecretFile);
  const encrypter = new VideoEncrypter(key);
  const video = randomBytes(packetBytes);
  const packets = Math.round(totalBytes / packetBytes);
  const stream = createWriteStream(file, { highWaterMark: 1 << 22 });
  let bytes = 0;
  const write = async (packet: Buffer): Promise<void> => {
    bytes += packet.length;
    if (!stream.write(packet)) await once(stream, 'drain');
  };
  await write(encodeKeyPacket(await seal(key, keys)));
  for (let index = 0; index < packets; index++) {
    await write(encrypter.encrypt(video, startMs + (index / packets) * durationMs));
  }
  stream.end();
  await once(stream, 'close');
  return { bytes, packets, key };
}
