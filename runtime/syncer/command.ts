import type { ParseArgsOptionsConfig } from 'node:util';
import { type Command, configOption } from '../commands.ts';
import {
  type Camera,
  configFileFrom,
  defaultConfigFile,
  type LoadedConfig,
  loadConfig,
} from '../config/load.ts';
import { EncroCamError } from '../errors.ts';
import { exitCode } from '../exit-codes.ts';
import { createLogger } from '../log.ts';
import { acquireLock } from '../state/lock.ts';
import { openStorage } from '../storage/open.ts';
import { callMonitor } from './monitor-client.ts';
import { Syncer } from './service.ts';
import { isClockSynchronised } from './system-clock.ts';

const options = {
  ...configOption,
  camera: { type: 'string', multiple: true },
  once: { type: 'boolean' },
} as const satisfies ParseArgsOptionsConfig;

export const command: Command = {
  help: `Usage: encrocam sync [--config FILE] [--camera NAME]... [--once]

Streams recordings to the drive as they are written, brings the drive up to date after a start and after each
interruption, removes what is past retention on disk and drive, and calls the uptime monitor while recording and
upload both progress. It runs until it gets SIGTERM or SIGINT, finishes what it is sending, and ends.

  -c, --config FILE   the configuration (default: $ENCROCAM_CONFIG, or ${defaultConfigFile})
      --camera NAME   only this camera; may be given several times (default: all)
      --once          bring the drive up to date, apply retention, and end

Exit codes: 0 all is well; 1 usage, configuration, or another syncer runs already; 2 with --once: a recording could
not be uploaded, or the drive holds other bytes under its name.
`,
  options,
  async run({ values, positionals }) {
    if (positionals.length > 0) {
      throw new EncroCamError('USAGE', `encrocam sync takes no argument ${JSON.stringify(positionals[0])}.`, {
        hint: 'See encrocam sync --help.',
      });
    }
    const config = await loadConfig(configFileFrom(values.config));
    const cameras = selectCameras(config, Array.isArray(values.camera) ? values.camera : []);
    const once = values.once === true;
    const logger = createLogger(config.log);
    const lock = await acquireLock(config.recordings.directory, 'sync');
    try {
      const { storage } = config;
      const syncer = new Syncer({
        config,
        cameras,
        once,
        logger,
        openDrive: storage.driver === 'none' ? undefined : () => openStorage(storage, { logger }),
        callMonitor,
        clockSynchronised: isClockSynchronised,
      });
      const stop = (signal: NodeJS.Signals): void => {
        logger.info('ending', { signal });
        syncer.stop();
      };
      process.once('SIGTERM', stop).once('SIGINT', stop);
      logger.info('syncing', { cameras: cameras.length, drive: storage.driver });
      const complete = await syncer.run();
      process.off('SIGTERM', stop).off('SIGINT', stop);
      return once && !complete ? exitCode.incomplete : exitCode.whole;
    } finally {
      await lock.release();
    }
  },
};

function selectCameras(config: LoadedConfig, names: readonly unknown[]): readonly Camera[] {
  const unknown = names.find((name) => !config.cameras.some((camera) => camera.name === name));
  if (unknown !== undefined) {
    throw new EncroCamError('USAGE', `The configuration has no camera ${JSON.stringify(unknown)}.`, {
      hint: `It has: ${config.cameras.map((camera) => camera.name).join(', ')}.`,
    });
  }
  return names.length === 0 ? config.cameras : config.cameras.filter(({ name }) => names.includes(name));
}
