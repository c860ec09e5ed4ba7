/** Settings and drivers for a test server. */
import type { FtpStorageConfig, FtpTlsConfig } from '../../runtime/config/types.ts';
import { silentLogger } from '../../runtime/log.ts';
import { FtpStorage } from '../../runtime/storage/ftp/storage.ts';
import type { FtpServer } from '../ftp-servers/index.ts';

/** What the configuration of a camera would say about this server. */
export function driveSettings(
  server: Pick<FtpServer, 'host' | 'port' | 'user' | 'password' | 'caFile'>,
  changes: Partial<Omit<FtpStorageConfig, 'tls'>> & { tls?: Partial<FtpTlsConfig> } = {},
): FtpStorageConfig {
  return {
    driver: 'ftp',
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
    directory: '/',
    timeoutSeconds: 10,
    ipFamily: 'auto',
    retentionDays: 90,
    retention: 'camera',
    ...changes,
    tls: {
      mode: 'explicit',
      minimumVersion: 'TLSv1.2',
      certificateAuthority: server.caFile,
      ...changes.tls,
    },
  };
}

export function driveOf(...args: Parameters<typeof driveSettings>): FtpStorage {
  return new FtpStorage(driveSettings(...args), { logger: silentLogger });
}
