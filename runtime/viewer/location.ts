/** What INPUT and LOCATION mean: standard input, a path on this computer, or a place on a drive. */
import type { CommandArguments } from '../commands.ts';
import { loadConfig } from '../config/load.ts';
import type { FtpStorageConfig } from '../config/types.ts';
import { createLogger } from '../log.ts';
import { askSecret } from '../pgp/ask-secret.ts';
import { isDriveLocation, parseLocation, passwordVariable } from '../storage/location.ts';
import { openStorage } from '../storage/open.ts';
import { type DrivePath, drivePath, type Storage } from '../storage/storage.ts';
import { stringOption } from './options.ts';

export type Place =
  | { readonly kind: 'stdin' }
  | { readonly kind: 'local'; readonly path: string }
  /** Not connected yet. */
  | { readonly kind: 'drive'; readonly storage: Storage; readonly path: DrivePath };

/** @throws {EncroCamError} `USAGE`; `STORAGE_REFUSED` if there is nobody to ask for the password. */
export async function findPlace(text: string, args: CommandArguments): Promise<Place> {
  if (text === '-') return { kind: 'stdin' };
  if (!isDriveLocation(text)) return { kind: 'local', path: text };
  const location = await parseLocation(text, {
    askPassword: (prompt) => askSecret(prompt, { variable: passwordVariable, code: 'STORAGE_REFUSED' }),
    known: await configuredDrive(text, args),
  });
  if (location.kind === 'path') return { kind: 'local', path: location.path };
  const settings = withTlsOptions(location.settings, args);
  const logger = createLogger({ level: 'warn', format: 'text' });
  return {
    kind: 'drive',
    storage: await openStorage(settings, { logger }),
    path: drivePath(location.path),
  };
}

/** The drive in `--config`, unless its password would cross the network in the clear here and not there. */
async function configuredDrive(text: string, args: CommandArguments): Promise<FtpStorageConfig | undefined> {
  const file = stringOption(args, 'config');
  if (file === undefined) return undefined;
  const { storage } = await loadConfig(file);
  if (storage.driver !== 'ftp') return undefined;
  const isPlain = /^ftp:/i.test(text);
  return isPlain && storage.tls.mode !== 'off' ? undefined : storage;
}

function withTlsOptions(settings: FtpStorageConfig, args: CommandArguments): FtpStorageConfig {
  const certificateAuthority = stringOption(args, 'ca');
  const fingerprint = stringOption(args, 'tls-fingerprint');
  return {
    ...settings,
    tls: {
      ...settings.tls,
      ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
      ...(fingerprint === undefined ? {} : { fingerprint }),
    },
  };
}
