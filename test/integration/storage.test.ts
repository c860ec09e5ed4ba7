/** The contract of the storage drivers, over every server and the directory driver. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLogger } from '../../runtime/log.ts';
import { DirectoryStorage } from '../../runtime/storage/directory/storage.ts';
import { ftpSoftware, startFtpServer } from '../ftp-servers/index.ts';
import { driveOf } from '../support/drive.ts';
import { storageContract } from './storage-contract.ts';

for (const software of ftpSoftware) {
  storageContract(software, async () => {
    const server = await startFtpServer({ software });
    return { storage: driveOf(server), rootDirectory: server.rootDirectory, stop: () => server.stop() };
  });
}

storageContract('directory', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-directory-'));
  return {
    storage: new DirectoryStorage({ directory }, { logger: silentLogger }),
    rootDirectory: directory,
    stop: () => rm(directory, { recursive: true }),
  };
});
