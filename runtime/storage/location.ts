/**
 * What a person types for a drive or a place on this disk: `ftps://user@host[:port]/path`, `ftp://…` (plain), or a
 * path. The password never stands in it: arguments are in the process list and the shell's history.
 */
import type { FtpStorageConfig } from '../config/types.ts';
import { EncroCamError } from '../errors.ts';

export type Location =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'drive'; readonly settings: FtpStorageConfig; readonly path: string };

export const passwordVariable = 'ENCROCAM_FTP_PASSWORD';

export interface ParseLocationOptions {
  /** Called where the environment holds no password; resolves with what the user typed. */
  askPassword: (prompt: string) => Promise<string>;
  env?: Readonly<Record<string, string | undefined>>;
  /** What the configuration says of this drive, if it does: certificates, time-out, and the password. */
  known?: FtpStorageConfig | undefined;
}

/** `text` is a drive's address rather than a path. */
export function isDriveLocation(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

/** Rejects with `USAGE` for an address of another kind, one without a user, and one with a password. */
export async function parseLocation(text: string, options: ParseLocationOptions): Promise<Location> {
  if (!isDriveLocation(text)) return { kind: 'path', path: text };
  const url = parseUrl(text);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const user = decode(url.username);
  const port = url.port === '' ? 21 : Number(url.port);
  const known =
    options.known?.host === host && options.known.port === port && options.known.user === user
      ? options.known
      : undefined;
  const password =
    (options.env ?? process.env)[passwordVariable] ??
    known?.password ??
    (await options.askPassword(`Password of ${user} on ${host}: `));
  const plain = url.protocol === 'ftp:';
  return {
    kind: 'drive',
    path: decode(url.pathname),
    settings: {
      driver: 'ftp',
      timeoutSeconds: 30,
      ipFamily: 'auto',
      retentionDays: 0,
      retention: 'camera',
      ...known,
      host,
      port,
      user,
      password,
      directory: '/',
      tls: { minimumVersion: 'TLSv1.2', ...known?.tls, mode: plain ? 'off' : 'explicit' },
    },
  };
}

function parseUrl(text: string): URL {
  // The text is not repeated in a message: there may be a password in it.
  const scheme = text.slice(0, text.indexOf(':')).toLowerCase();
  if (scheme !== 'ftps' && scheme !== 'ftp') {
    throw usage(
      `There is no storage driver for ${scheme}://.`,
      'Use ftps://user@host/path, or a path on this disk.',
    );
  }
  if (!URL.canParse(text))
    throw usage('This is no valid address of a drive.', 'Write it as ftps://user@host/path.');
  const url = new URL(text);
  if (url.password !== '') {
    throw usage(
      'A password stands in the address, where the process list and the shell history show it.',
      `Leave it out: it is asked for, or taken from ${passwordVariable}.`,
    );
  }
  if (url.username === '' || url.hostname === '') {
    throw usage('The address of a drive needs a user and a host.', 'Write it as ftps://user@host/path.');
  }
  if (url.search !== '' || url.hash !== '') {
    throw usage('The address of a drive has no ? and no # in it.', 'Write them as %3F and %23.');
  }
  return url;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw usage('There is a broken % sequence in the address.', 'Write a percent sign as %25.');
  }
}

function usage(message: string, hint: string): EncroCamError {
  return new EncroCamError('USAGE', message, { hint });
}
