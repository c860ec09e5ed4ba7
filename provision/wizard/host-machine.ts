/** The camera that this runs on, for the questions: everything is handed to `../steps/` and the trials. */
import { statfs } from 'node:fs/promises';
import os from 'node:os';
import type { Logger } from '../../runtime/log.ts';
import { readGivenAnswers } from '../answers/given.ts';
import { fetchOwnerKey } from '../answers/owner-keys.ts';
import { type Place, paths } from '../place.ts';
import { readState } from '../state.ts';
import { applyAnswers } from '../steps/apply.ts';
import { joinWifi, radioInterfaces } from '../steps/network.ts';
import { makeRecoveryKey } from '../steps/recovery-key.ts';
import { addRecoveryKey, closeVolume, isVolumeMade, makeVolume, openVolume } from '../steps/volume.ts';
import type { System } from '../system.ts';
import type { ConfigVolume, Machine, ProgressFile } from './machine.ts';
import { parseZoneTable } from './time-zones.ts';
import { listCameras, testCamera } from './trials/camera.ts';
import { tryMonitor } from './trials/monitor.ts';
import { tryStorage } from './trials/storage.ts';

export function hostMachine(system: System, place: Place, logger: Logger): Machine {
  const bootDirectory = place.kind === 'card' ? place.bootDirectory : undefined;
  const realBootDirectory = bootDirectory === undefined ? undefined : system.at(bootDirectory);
  return {
    kind: place.kind,
    volume: configVolume(system, place),
    progress: progressFile(system, paths.answers),
    secretProgress: progressFile(system, paths.secretAnswers),
    isDone: async () => (await readState(system)) !== 'new',
    givenAnswers: () => readGivenAnswers(system, bootDirectory),
    async listKeyFiles() {
      if (bootDirectory === undefined) return [];
      const names = await system.list(bootDirectory);
      return names.filter((name) => /^[A-Za-z0-9][\w. -]*\.(?:asc|gpg|pgp|key|pub)$/i.test(name));
    },
    fetchOwnerKey: (key, signal) => fetchOwnerKey(key, { bootDirectory: realBootDirectory, signal }),
    listTimeZones: async () => parseZoneTable((await system.readText('/usr/share/zoneinfo/zone.tab')) ?? ''),
    hasRadio: async () => (await radioInterfaces(system)).length > 0,
    async joinWifi(wifi) {
      await joinWifi(system, wifi);
    },
    addresses: () =>
      Object.values(os.networkInterfaces())
        .flatMap((entries) => entries ?? [])
        .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
        .map(({ address }) => address),
    listCameras: () => listCameras(system),
    testCamera,
    tryStorage,
    tryMonitor,
    async space(directory) {
      const { bavail, blocks, bsize } = await statfs(await nearestExisting(system, directory));
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    },
    finish: (answers, reporter) => applyAnswers(answers, { system, place, reporter, logger }),
  };
}

function configVolume(system: System, place: Place): ConfigVolume {
  return {
    isMade: () => isVolumeMade(system, place),
    make: (passphrase) => makeVolume(system, place, passphrase),
    open: (passphrase) => openVolume(system, place, passphrase),
    close: () => closeVolume(system),
    async addRecoveryKey(passphrase) {
      const key = makeRecoveryKey();
      await addRecoveryKey(system, place, passphrase, key);
      return key;
    },
  };
}

function progressFile(system: System, file: string): ProgressFile {
  return {
    read: () => system.readText(file),
    write: (text) => system.write(file, text, { mode: 0o600 }),
  };
}

/** A directory that is still to be made lies on the file system of the one above it. */
async function nearestExisting(system: System, directory: string): Promise<string> {
  let current = directory;
  while (current !== '/' && !(await system.exists(current)))
    current = current.replace(/\/+[^/]*$/, '') || '/';
  return system.at(current);
}
