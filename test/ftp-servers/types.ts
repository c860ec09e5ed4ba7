/**
 * A real FTP server on loopback, for tests and the demo: what can be asked of it and what it tells about itself.
 * Started by `startFtpServer` of `index.ts`.
 */
export const ftpSoftware = ['vsftpd', 'proftpd', 'pure-ftpd'] as const;
export type FtpSoftware = (typeof ftpSoftware)[number];

/** `valid`: for 127.0.0.1, ::1 and localhost, signed by the CA in `caFile`. The others break one rule each. */
export type CertificateKind = 'valid' | 'expired' | 'wrong-name';

export interface FtpServerOptions {
  /** `proftpd` needs no root; the other two take `sudo -n` where the process is not root. */
  software: FtpSoftware;
  certificate?: CertificateKind;
  /** The server takes log-ins without TLS as well. */
  allowPlain?: boolean;
  /** Whether a data connection must resume the control connection's TLS session. Default: true (not pure-ftpd, which cannot). */
  requireSessionReuse?: boolean;
  /** The account may list and read, but its directory cannot be written. */
  readOnly?: boolean;
  /** The account may append and do no harm: the server is configured by docs/guide/append-only-drives.md. */
  appendOnly?: boolean;
  /** Room for this many bytes: a quota (proftpd, pure-ftpd: whole MiB) or a small file system (vsftpd). */
  quotaBytes?: number;
  bindAddress?: '127.0.0.1' | '::1';
  /** Time without data after which the server gives a data connection up. Default: the server's own. */
  idleDataTimeoutSeconds?: number;
}

export interface FtpServer {
  readonly software: FtpSoftware;
  readonly host: string;
  readonly port: number;
  /** First and last port of the passive range, both included. */
  readonly passivePorts: readonly [from: number, to: number];
  readonly user: string;
  readonly password: string;
  /** The account's directory on this disk: `/x` on the server is `rootDirectory/x`. */
  readonly rootDirectory: string;
  /** The CA's certificate, PEM: for `storage.tls.certificateAuthority`. */
  readonly caFile: string;
  /** SHA-256 of the server's certificate, `AA:BB:…`: for `storage.tls.fingerprint`. */
  readonly fingerprint: string;
  /** Kill -9 of the server and all its sessions. */
  kill(): Promise<void>;
  /** Starts again after `kill`, same ports, same directory. */
  restart(): Promise<void>;
  /** Ends everything and removes its files. */
  stop(): Promise<void>;
  /** What the server has logged so far. */
  logs(): Promise<string>;
}
