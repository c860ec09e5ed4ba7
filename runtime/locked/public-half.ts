/**
 * The public half of a camera's settings: what it needs to record before anybody unlocks it. It lies outside the config
 * volume and holds no secret: the owners' public keys, where recordings go, and the cameras. What it was when the camera was
 * unlocked last is kept on the volume, so that whoever changes it is found out.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { type LoadedConfig, resolveConfig } from '../config/load.ts';
import type { CameraConfig, Config } from '../config/types.ts';
import { validateConfig } from '../config/validate.ts';
import { EncroCamError, messageOf } from '../errors.ts';

const version = 1;
const maxBytes = 1024 * 1024;
const sealedName = 'public-half.json';

export interface PublicHalf {
  readonly version: typeof version;
  /** Fingerprint of the camera's OpenPGP key, hexadecimal. */
  readonly camera: string;
  /** OpenPGP public keys, base64. */
  readonly ownerKeys: readonly string[];
  /** Whether recordings go to a drive: then those that it does not hold yet are not removed for room. */
  readonly hasDrive: boolean;
  readonly recordings: Config['recordings'];
  readonly cameras: Config['cameras'];
  readonly log: Config['log'];
}

/** An address with anything but a host and a port in it may hold a password or a token: such a camera waits for the unlocking. */
export function isPublic({ input, audio }: PublicPart): boolean {
  const devices = [input.device, ...(audio && 'device' in audio ? [audio.device] : [])];
  return !devices.some((device) => /\/\/[^\s/]*(@|[/?#;,].)/.test(device));
}

interface PublicPart {
  readonly input: Pick<CameraConfig['input'], 'device'>;
  readonly audio?: CameraConfig['audio'];
}

/**
 * What is called when something moves waits for the unlocking: an address may be a secret, and a program in a file that
 * lies in the open would be anybody's.
 */
function withoutActions<T extends Pick<CameraConfig, 'motion'>>(camera: T): T {
  if (camera.motion === undefined) return camera;
  const { command: _command, webhook: _webhook, ...motion } = camera.motion;
  return { ...camera, motion };
}

/** What is known of the keys once they were read; never their files, which may hold more than is public. */
export interface PublicKeys {
  /** Fingerprint of the camera's, hexadecimal. */
  readonly camera: string;
  /** The owners', base64. */
  readonly ownerKeyBytes: readonly string[];
}

/** Whether the camera would record while it is locked, had it an owner with OpenPGP. */
export function lacksPublicOwner({ owner, recordings }: Pick<LoadedConfig, 'owner' | 'recordings'>): boolean {
  return recordings.whileLocked && owner.keys.length === 0;
}

/** @returns `undefined` where nothing can be recorded without a secret, or the owner does not want it. */
export function publicHalfOf(
  config: LoadedConfig,
  { camera, ownerKeyBytes }: PublicKeys,
): PublicHalf | undefined {
  const { recordings, log, storage } = config;
  const cameras = config.cameras.filter(isPublic);
  if (!recordings.whileLocked || recordings.format !== 'encrocrypt3' || cameras.length === 0)
    return undefined;
  // A symmetric key in the open would open everything.
  if (ownerKeyBytes.length === 0) return undefined;
  return {
    ...{ version, camera, hasDrive: storage.driver !== 'none', recordings, log },
    ownerKeys: ownerKeyBytes,
    cameras: cameras.map(({ localDirectory: _, ...settings }) =>
      withoutActions(settings),
    ) as unknown as Config['cameras'],
  };
}

export function textOf(half: PublicHalf): string {
  return `${JSON.stringify(half, undefined, 2)}\n`;
}

export interface LockedSettings {
  /** As it lies in the file, for comparing. */
  readonly text: string;
  readonly half: PublicHalf;
  /** It names no keys, and no drive. */
  readonly config: LoadedConfig;
}

/** @throws {EncroCamError} `CONFIG_UNREADABLE` or `CONFIG_INVALID`: it was damaged, or somebody was at it. */
export async function readPublicHalf(file: string): Promise<LockedSettings> {
  let text: string;
  let half: PublicHalf;
  try {
    if ((await stat(file)).size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`);
    text = await readFile(file, 'utf8');
    half = JSON.parse(text) as PublicHalf;
    if (half.version !== version || !Array.isArray(half.ownerKeys))
      throw new Error('it is of another version');
  } catch (error) {
    throw new EncroCamError('CONFIG_UNREADABLE', `Cannot read ${file}: ${messageOf(error)}.`, {
      hint: 'Unlock the camera: it is written anew then.',
      cause: error,
    });
  }
  const { cameras, recordings, log } = half;
  // What a configuration must have and this one has not.
  const complete = { owner: { keys: ['none'] }, signing: { key: 'none' }, cameras, recordings, log };
  const config = resolveConfig(validateConfig(complete, file), file);
  return { text, half, config: { ...config, cameras: config.cameras.map(withoutActions) } };
}

/** What became of the public half since the camera was unlocked last. */
export type Verdict =
  | 'untouched'
  /** The owner's settings are other ones now. */
  | 'outdated'
  /** Somebody changed it, or took it away, while the camera was locked. */
  | 'tampered'
  /** It is made for the first time. */
  | 'new';

/**
 * Compares what lies in the open with what was kept on the config volume.
 * @param sealedDirectory on the config volume.
 * @param found what was recorded by; `undefined` for what lies in the file now.
 * @param next what the settings are now; `undefined` if there is to be none.
 */
export async function judgePublicHalf(
  file: string,
  sealedDirectory: string,
  found: string | undefined,
  next: string | undefined,
): Promise<Verdict> {
  const known = await readSealed(path.join(sealedDirectory, sealedName));
  const looked = [await readText(file), ...(found === undefined ? [] : [found])];
  return judge(known, looked.map(hashOf), hashOf(next));
}

/** Judges, and renews both. A power cut anywhere leaves two that fit. */
export async function renewPublicHalf(
  file: string,
  sealedDirectory: string,
  found: string | undefined,
  next: string | undefined,
): Promise<Verdict> {
  const sealedFile = path.join(sealedDirectory, sealedName);
  const verdict = await judgePublicHalf(file, sealedDirectory, found, next);
  if (verdict === 'untouched') return verdict;
  const present = await readText(file);
  const last = (await readSealed(sealedFile))?.at(-1);
  await replace(sealedFile, JSON.stringify([...(last === undefined ? [] : [last]), hashOf(next)]));
  if (next !== undefined || present !== undefined) await replace(file, next ?? '');
  await replace(sealedFile, JSON.stringify([hashOf(next)]));
  return verdict;
}

function judge(known: readonly string[] | undefined, looked: readonly string[], next: string): Verdict {
  if (known === undefined) return looked.every((hash) => hash === nothing) ? 'new' : 'tampered';
  if (!looked.every((hash) => known.includes(hash))) return 'tampered';
  return looked.every((hash) => hash === next) ? 'untouched' : 'outdated';
}

const nothing = 'nothing';

function hashOf(text: string | undefined): string {
  return text === undefined || text === '' ? nothing : createHash('sha256').update(text).digest('hex');
}

async function readSealed(file: string): Promise<string[] | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  try {
    const hashes = JSON.parse(text) as unknown;
    return Array.isArray(hashes) ? hashes.map(String) : undefined;
  } catch {
    return undefined;
  }
}

async function readText(file: string): Promise<string | undefined> {
  const size = await stat(file).then(
    (stats) => stats.size,
    () => undefined,
  );
  if (size === undefined) return undefined;
  // Whoever puts a large file there has changed it; it need not be read for that.
  return size > maxBytes ? 'too large' : readFile(file, 'utf8');
}

async function replace(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.tmp`;
  const handle = await open(temporary, 'w', 0o640);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  const directory = await open(path.dirname(file), 'r');
  await directory.sync().finally(() => directory.close());
}
