/**
 * Which certificate is trusted: the authorities' (the system's, or one's own) for the configured host name, or
 * exactly one by its fingerprint. The handshake itself trusts anybody, so that the message can show what was
 * presented; nothing is sent or read before `check` agreed.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { FtpTlsConfig } from '../../config/types.ts';
import { EncroCamError, messageOf, systemErrorCode } from '../../errors.ts';
import { printable } from '../../log.ts';

export interface Trust {
  readonly tlsOptions: ConnectionOptions;
  /** Throws `STORAGE_UNTRUSTED` unless the peer of this finished handshake is trusted. */
  check(socket: TLSSocket): void;
}

export async function loadTrust(host: string, tls: FtpTlsConfig): Promise<Trust> {
  const pinned = tls.fingerprint?.replaceAll(':', '').toUpperCase();
  const tlsOptions: ConnectionOptions = {
    host,
    // RFC 6066 allows names only.
    ...(isIP(host) ? {} : { servername: host }),
    minVersion: tls.minimumVersion,
    rejectUnauthorized: false,
    ...(await authorities(tls)),
  };
  return {
    tlsOptions,
    check(socket) {
      // Only sessions of connections that passed here are offered for resumption, and only their server can resume
      // them. It sends no certificate then.
      if (socket.isSessionReused()) return;
      const presented = socket.getPeerX509Certificate()?.fingerprint256;
      if (pinned === undefined ? socket.authorized : presented?.replaceAll(':', '') === pinned) return;
      throw untrusted(host, tls, presented, reason(socket));
    },
  };
}

function reason(socket: TLSSocket): string {
  const error: unknown = socket.authorizationError; // Node gives a code here, whatever its types say.
  if (!error) return 'OTHER_CERTIFICATE';
  return error instanceof Error ? error.message : printable(String(error));
}

function untrusted(
  host: string,
  tls: FtpTlsConfig,
  presented: string | undefined,
  why: string,
): EncroCamError {
  const shown = presented ?? 'none';
  return tls.fingerprint === undefined
    ? new EncroCamError('STORAGE_UNTRUSTED', `The certificate of ${host} is not trusted (${why}).`, {
        hint: `It presented SHA-256 ${shown}. If the drive's owner confirms that, set storage.tls.fingerprint to it; for an authority of your own, set storage.tls.certificateAuthority.`,
      })
    : new EncroCamError('STORAGE_UNTRUSTED', `The certificate of ${host} is not the pinned one.`, {
        hint: `It presented SHA-256 ${shown}. If the drive's owner confirms a change, set storage.tls.fingerprint to it.`,
      });
}

/** The system's authorities, to which an administrator can add; Node's own list where there is no such file. */
const systemAuthorities = '/etc/ssl/certs/ca-certificates.crt';

async function authorities(tls: FtpTlsConfig): Promise<ConnectionOptions> {
  if (tls.certificateAuthority !== undefined) return { ca: await readAuthority(tls.certificateAuthority) };
  if (tls.fingerprint !== undefined) return {};
  try {
    return { ca: await readFile(systemAuthorities, 'utf8') };
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return {};
    throw error;
  }
}

async function readAuthority(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new EncroCamError(
      'CONFIG_INVALID',
      `storage.tls.certificateAuthority: ${file} cannot be read: ${messageOf(error)}.`,
      { hint: 'Give a readable file with certificates in PEM format.', cause: error },
    );
  }
}
