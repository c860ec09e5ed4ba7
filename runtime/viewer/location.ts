/** What INPUT and LOCATION mean: standard input, a path on this computer, or a place on a drive. */
import type { FtpStorageConfig } from '../config/types.ts';
import { EncroCamError } from '../errors.ts';
import { type DrivePath, drivePath } from '../storage/storage.ts';

export type Location =
  | { readonly kind: 'stdin' }
  | { readonly kind: 'local'; readonly path: string }
  | FtpLocation;

export interface FtpLocation {
  readonly kind: 'ftp';
  /** `off` for ftp://, which the user has to write out. */
  readonly tls: 'explicit' | 'off';
  readonly host: string;
  readonly port: number | undefined;
  readonly user: string | undefined;
  readonly path: DrivePath;
}

/**
 * @throws {EncroCamError} `USAGE`. The text is never repeated in a message: a password may be in it.
 */
export function parseLocation(text: string): Location {
  if (text === '-') return { kind: 'stdin' };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return { kind: 'local', path: text };
  if (scheme !== 'ftp' && scheme !== 'ftps') {
    throw new EncroCamError('USAGE', `There is no driver for ${JSON.stringify(scheme)} addresses.`, {
      hint: 'Give a path, "-" for standard input, or ftps://USER@HOST/PATH.',
    });
  }
  const { url, user, path } = parts(text);
  if (url.password !== '') {
    throw new EncroCamError(
      'USAGE',
      'An address must not hold the password: the process list shows it to all.',
      {
        hint: 'Leave it out: it is asked for, or taken from the environment variable ENCROCAM_FTP_PASSWORD.',
      },
    );
  }
  return {
    kind: 'ftp',
    tls: scheme === 'ftps' ? 'explicit' : 'off',
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? undefined : Number(url.port),
    user: user === '' ? undefined : user,
    path,
  };
}

function parts(text: string): { url: URL; user: string; path: DrivePath } {
  try {
    // "#" and "?" mean nothing in a path on a drive.
    const url = new URL(text.replaceAll('?', '%3F').replaceAll('#', '%23'));
    if (url.hostname === '') throw new TypeError('no host');
    const segments = url.pathname.split('/').filter((segment) => segment !== '');
    return {
      url,
      user: decodeURIComponent(url.username),
      path: drivePath('/', ...segments.map((segment) => decodeURIComponent(segment))),
    };
  } catch {
    throw new EncroCamError('USAGE', 'The address of the drive is malformed.', {
      hint: 'Write it as ftps://USER@HOST/PATH, with %20 for a space and the like.',
    });
  }
}

export interface FtpOptions {
  readonly password: string;
  readonly certificateAuthority: string | undefined;
  readonly fingerprint: string | undefined;
}

const defaultUser = 'anonymous';
const defaultPort = 21;

/** Settings for a session with the drive; its `/` is the server's. */
export function ftpSettings(location: FtpLocation, options: FtpOptions): FtpStorageConfig {
  const { certificateAuthority, fingerprint } = options;
  return {
    driver: 'ftp',
    host: location.host,
    port: location.port ?? defaultPort,
    user: location.user ?? defaultUser,
    password: options.password,
    directory: '/',
    timeoutSeconds: 30,
    ipFamily: 'auto',
    tls: {
      mode: location.tls,
      minimumVersion: 'TLSv1.2',
      ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
      ...(fingerprint === undefined ? {} : { fingerprint }),
    },
    retentionDays: 0,
  };
}

/** Whether the drive in a configuration is the one that the address names, so that its log-in applies. */
export function isSameDrive(location: FtpLocation, storage: FtpStorageConfig): boolean {
  return (
    location.host.toLowerCase() === storage.host.toLowerCase() &&
    (location.port === undefined || location.port === storage.port) &&
    (location.user === undefined || location.user === storage.user) &&
    // Whoever writes ftps:// never gets less, and a password for TLS is not sent in the clear.
    location.tls === storage.tls.mode
  );
}
