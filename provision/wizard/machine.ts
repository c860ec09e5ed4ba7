/**
 * What the questions need of the camera that they set up. `host-machine.ts` is the real one; tests have another, because
 * no test may format a partition or restart a network.
 */

import type { GivenAnswers } from '../answers/given.ts';
import type { Answers, CameraConfig, OwnerKey, StorageConfig, WifiAnswers } from '../answers/types.ts';
import type { Reporter } from '../steps/step.ts';
import type { Work } from './dialogue/dialogue.ts';
import type { Picture } from './picture.ts';

export interface Machine {
  /** On a system that was there before, network, accounts and time zone are not asked for. */
  readonly kind: 'card' | 'installed';
  /** Whether somebody else has finished the set-up in the meantime. */
  isDone(): Promise<boolean>;
  readonly volume: ConfigVolume;
  /** The non-secret part of what was answered so far. */
  readonly progress: ProgressFile;
  /** All of it but the passphrase; on the volume, which must be open. */
  readonly secretProgress: ProgressFile;

  /** What the owner left on the boot partition for the set-up to take over. */
  givenAnswers(): Promise<GivenAnswers>;
  /** Files on the boot partition that may be OpenPGP keys. */
  listKeyFiles(): Promise<string[]>;
  /** Raw key material; bounded in time and size. */
  fetchOwnerKey(key: OwnerKey, signal: AbortSignal): Promise<string | Uint8Array>;

  /** Time zones that this system knows, with the country that each is most used in. */
  listTimeZones(): Promise<TimeZone[]>;

  hasRadio(): Promise<boolean>;
  /** Joins at once, so that later questions have a network. */
  joinWifi(wifi: WifiAnswers): Promise<void>;
  /** Addresses at which this camera can be reached. */
  addresses(): string[];

  listCameras(): Promise<DetectedCamera[]>;
  /** Records a few seconds as the recorder would. @throws `CAMERA_UNAVAILABLE` and others */
  testCamera(camera: CameraConfig, size: PictureSize, work: Work): Promise<TestRecording>;
  /** Does all that the syncer will do. @throws the driver's errors */
  tryStorage(storage: StorageConfig, work: Work): Promise<StorageTrial>;
  /** Calls the monitor once. @throws `INPUT_UNREADABLE` */
  tryMonitor(url: string, timeoutMs: number, signal: AbortSignal): Promise<void>;
  space(directory: string): Promise<{ freeBytes: number; totalBytes: number }>;

  /** Applies everything and starts recording. */
  finish(answers: Answers, reporter: Reporter): Promise<FinishedCamera>;
}

export interface ConfigVolume {
  isMade(): Promise<boolean>;
  /** Whatever was there is lost. */
  make(passphrase: string): Promise<void>;
  /** @throws {EncroCamError} `PASSPHRASE_WRONG` */
  open(passphrase: string): Promise<void>;
  /** Closes it, as far as it is open. */
  close(): Promise<void>;
  /** Makes a recovery key, replacing an earlier one, and returns it. */
  addRecoveryKey(passphrase: string): Promise<string>;
}

/** A file that is replaced as a whole: after a power cut there is the old one or the new one. */
export interface ProgressFile {
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

export interface TimeZone {
  /** By its name in the IANA data base. */
  readonly name: string;
  /** ISO 3166-1; `undefined` for zones of no country. */
  readonly country: string | undefined;
}

export interface DetectedCamera {
  readonly device: string;
  /** As the driver calls it. */
  readonly name: string;
  readonly modes: readonly CameraMode[];
}

/** What a camera offers: a format, a size, and the frame rates that it has for them. */
export interface CameraMode {
  /** In ffmpeg's terms. */
  readonly pixelFormat: string;
  readonly width: number;
  readonly height: number;
  /** Highest first; none where the camera does not say. */
  readonly frameRates: readonly number[];
}

export interface PictureSize {
  /** In characters. */
  readonly columns: number;
  readonly rows: number;
}

export interface TestRecording {
  readonly bytes: number;
  readonly seconds: number;
  readonly frames: number;
  readonly encoder: string;
  /** As recorded. */
  readonly width: number;
  readonly height: number;
  /** The last frame, small. */
  readonly picture: Picture;
}

export interface StorageTrial {
  /** Where it was, for people. */
  readonly location: string;
  /** Bytes a second while appending; `undefined` where it went too fast to tell. */
  readonly uploadBytesPerSecond: number | undefined;
  /** The file that is still there, where the account may only append. */
  readonly leftBehind?: string;
}

export interface FinishedCamera {
  readonly fingerprint: string;
  /** Armored. */
  readonly publicKey: string;
  /** On the chain, where the answers have a ledger. */
  readonly ledgerAddress?: string | undefined;
}
