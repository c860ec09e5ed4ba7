/**
 * Opens the drive that the configuration names. The driver is loaded only when the first operation needs it, so
 * that a service pays for one driver and the viewer of a local file for none.
 *
 * On every drive `/` is the configured `directory`: callers pass `drivePath('/', cameraDirectory, fileName)`.
 */
import type { Config } from '../config/types.ts';
import { EncroCamError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Storage } from './storage.ts';

export type StorageConfig = Config['storage'];

export interface OpenStorageOptions {
  logger: Logger;
}

/** Makes no connection yet: `connect()` does. Rejects with `CONFIG_INVALID` for the driver `none`. */
export async function openStorage(config: StorageConfig, options: OpenStorageOptions): Promise<Storage> {
  switch (config.driver) {
    case 'ftp': {
      const { FtpStorage } = await import('./ftp/storage.ts');
      return new FtpStorage(config, options);
    }
    case 'directory': {
      const { DirectoryStorage } = await import('./directory/storage.ts');
      return new DirectoryStorage(config, options);
    }
    case 'none':
      throw new EncroCamError('CONFIG_INVALID', 'storage.driver is "none": there is no drive.', {
        hint: 'Set storage.driver to "ftp" or "directory".',
      });
  }
}

export { isDriveLocation, type Location, parseLocation } from './location.ts';
