import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { EncroCamError, messageOf } from '../errors.ts';
import { slotLengthMs } from '../recordings/names.ts';
import type { CameraConfig, Config, LedgerIdentity } from './types.ts';
import { validateConfig } from './validate.ts';

/** Where the configuration is, unless `--config` or ENCROCAM_CONFIG says otherwise. */
export const defaultConfigFile = '/etc/encrocam/config.json';
/** The file that `--config`, else ENCROCAM_CONFIG, else the default names. */
export function configFileFrom(option: unknown, environment = process.env): string {
  return typeof option === 'string' ? option : (environment.ENCROCAM_CONFIG ?? defaultConfigFile);
}

/** A configuration is a few KiB; whatever is larger is another file. */
const maxConfigBytes = 1024 * 1024;

/** A camera's settings with everything that follows from other settings filled in. */
export interface Camera extends CameraConfig {
  /** Absolute path of this camera's directory on disk. */
  readonly localDirectory: string;
  /** Name of this camera's directory on the drive. */
  readonly driveDirectory: string;
}

/** A configuration that passed every check; all paths are absolute. */
export interface LoadedConfig extends Omit<Config, 'cameras' | 'owner'> {
  /** The file it was read from. */
  readonly file: string;
  /** At least one of both. */
  readonly owner: {
    /** OpenPGP public keys; may be none. */
    readonly keys: readonly string[];
    readonly symmetricKeys?: string;
  };
  readonly cameras: readonly Camera[];
  /** `recordings.hoursPerRecording` in milliseconds. */
  readonly slotMs: number;
}

/**
 * Reads and checks a configuration file.
 * @throws {EncroCamError} `CONFIG_UNREADABLE`, or `CONFIG_INVALID` with every problem.
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  let text: string;
  try {
    const bytes = await readFile(file);
    if (bytes.length > maxConfigBytes) throw new Error(`it is larger than ${maxConfigBytes} bytes`);
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new EncroCamError(
      'CONFIG_UNREADABLE',
      `Cannot read the configuration ${file}: ${messageOf(error)}.`,
      {
        hint:
          file === defaultConfigFile
            ? 'If this camera is locked, unlock it first: sudo encrocam unlock. Elsewhere, give its place: --config FILE.'
            : 'Give its place with --config FILE or the environment variable ENCROCAM_CONFIG.',
        cause: error,
      },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new EncroCamError('CONFIG_UNREADABLE', `${file} is not JSON: ${jsonProblem(text)}.`, {
      hint: 'Look for a missing comma, quote or bracket there.',
    });
  }
  return resolveConfig(validateConfig(value, file), file);
}

/** Makes paths absolute (relative ones start where the file is) and fills in what follows from other settings. */
export function resolveConfig(config: Config, file: string): LoadedConfig {
  const base = path.dirname(path.resolve(file));
  const absolute = (name: string): string => path.resolve(base, name);
  const directory = absolute(config.recordings.directory);
  const { symmetricKeys } = config.owner;
  return {
    ...config,
    file: path.resolve(file),
    owner: {
      keys: (config.owner.keys ?? []).map(absolute),
      ...(symmetricKeys === undefined ? {} : { symmetricKeys: absolute(symmetricKeys) }),
    },
    signing: { ...config.signing, key: absolute(config.signing.key) },
    recordings: { ...config.recordings, directory },
    storage: resolveStorage(config.storage, absolute),
    ...(config.ledger && {
      ledger: { ...config.ledger, identity: resolveIdentity(config.ledger.identity, absolute) },
    }),
    slotMs: slotLengthMs(config.recordings.hoursPerRecording),
    cameras: config.cameras.map((camera) => ({
      ...camera,
      localDirectory: path.join(directory, camera.directory ?? camera.name),
      driveDirectory: camera.driveDirectory ?? camera.name,
    })),
  };
}

function resolveStorage(storage: Config['storage'], absolute: (name: string) => string): Config['storage'] {
  switch (storage.driver) {
    case 'none':
      return storage;
    case 'directory':
      return { ...storage, directory: absolute(storage.directory) };
    case 'ftp': {
      const { certificateAuthority } = storage.tls;
      if (certificateAuthority === undefined) return storage;
      return { ...storage, tls: { ...storage.tls, certificateAuthority: absolute(certificateAuthority) } };
    }
  }
}

function resolveIdentity(identity: LedgerIdentity, absolute: (name: string) => string): LedgerIdentity {
  switch (identity.driver) {
    case 'file':
      return { ...identity, key: absolute(identity.key) };
    case 'pkcs11':
      return { ...identity, module: absolute(identity.module) };
  }
}

/**
 * Line and column instead of the parser's excerpt: the text around a mistake may be a password. The parser does not
 * say where it stopped in so many words, but it tells a text that could still go on from one that cannot.
 */
function jsonProblem(text: string): string {
  const couldGoOn = (length: number): boolean => {
    try {
      JSON.parse(text.slice(0, length));
      return true;
    } catch (error) {
      const message = messageOf(error);
      const position = /at position (\d+)/.exec(message)?.[1];
      return (
        message === 'Unexpected end of JSON input' || (position !== undefined && Number(position) >= length)
      );
    }
  };
  if (couldGoOn(text.length)) return 'it ends too early';
  let good = 0;
  let bad = text.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (couldGoOn(middle)) good = middle;
    else bad = middle;
  }
  const before = text.slice(0, good).split('\n');
  return `unexpected character at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}
