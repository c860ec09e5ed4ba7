/** Real FTP servers on loopback: `startFtpServer({ software: 'proftpd' })`. */
export { startFtpServer } from './server.ts';
export type { CertificateKind, FtpServer, FtpServerOptions, FtpSoftware } from './types.ts';
export { ftpSoftware } from './types.ts';
