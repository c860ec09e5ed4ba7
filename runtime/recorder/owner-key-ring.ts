/**
 * The keys of an owner without OpenPGP, in the recorder: whom runs are sealed for, and whom live video is for. A new key is on
 * the config partition before it counts.
 */
import { wrapSecret } from '../encrocrypt/v3/index.ts';
import {
  type CameraKeys,
  readCameraKeys,
  takeWrappedKey,
  writeCameraKeys,
} from '../video-keys/camera-keys.ts';
import { type VideoKey, videoKeyId } from '../video-keys/keys.ts';

export class OwnerKeyRing {
  readonly #file: string;
  #keys: CameraKeys;

  /** @throws {EncroCamError} `KEY_UNREADABLE` */
  static async open(file: string): Promise<OwnerKeyRing> {
    return new OwnerKeyRing(file, await readCameraKeys(file));
  }

  private constructor(file: string, keys: CameraKeys) {
    this.#file = file;
    this.#keys = keys;
  }

  /** The camera's address, 20 bytes. */
  get camera(): Buffer {
    return this.#keys.camera;
  }

  /** The key-encryption key, 32 bytes. */
  get kek(): Buffer {
    return this.#keys.kek;
  }

  get keys(): CameraKeys['keys'] {
    return this.#keys.keys;
  }

  /** The sealed fields of a run's header, one for each recipient with a symmetric key. */
  wrap(secret: Buffer, runId: Buffer): Buffer[] {
    const { key } = this.keys.recordings;
    return [wrapSecret(secret, runId, { id: videoKeyId(key), key })];
  }

  /**
   * Takes a key that the owner wrapped.
   * @throws {EncroCamError} `NOT_AUTHENTIC`, `KEY_UNUSABLE`: never to be tried again. Others: it could not be stored.
   */
  async take(wrapped: Buffer): Promise<VideoKey> {
    const { keys, taken } = takeWrappedKey(this.#keys, wrapped);
    await writeCameraKeys(this.#file, keys);
    this.#keys = keys;
    return taken;
  }
}
