/** `encrocam record`: checks everything that can be checked beforehand, then records until it is told to stop. */
import { access, constants, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Command, type CommandArguments, configOption } from '../commands.ts';
import {
  type Camera,
  configFileFrom,
  defaultConfigFile,
  type LoadedConfig,
  loadConfig,
} from '../config/load.ts';
import { EncroCamError, messageOf, systemErrorCode } from '../errors.ts';
import { exitCode } from '../exit-codes.ts';
import { type LockedSettings, readPublicHalf } from '../locked/public-half.ts';
import { createLogger, type Logger } from '../log.ts';
import { readBootId } from '../state/boot-id.ts';
import { EndedRunsJournal } from '../state/ended-runs.ts';
import { acquireLock, type Lock } from '../state/lock.ts';
import { readNewestBlock } from '../state/newest-block.ts';
import { CameraAuthority } from './authority.ts';
import { systemClock } from './clock.ts';
import { readClockState } from './clock-state.ts';
import { EncoderChooser, hardwareProbe } from './encoder.ts';
import { EncroCrypt2Format } from './encrocrypt2-format.ts';
import { EncroCrypt3Format } from './encrocrypt3-format.ts';
import { ffmpegStarter } from './ffmpeg-process.ts';
import { diskFileSystem } from './file-system.ts';
import { findFont } from './fonts.ts';
import { LastRunFile } from './last-run.ts';
import { LiveFile } from './live-file.ts';
import { OwnerCommands } from './owner-commands.ts';
import type { OwnerKeyRing } from './owner-key-ring.ts';
import { type PreparedCamera, Recorder } from './recorder.ts';
import type { RecordingFormat } from './recording-format.ts';
import { Sealer } from './seal-child.ts';
import { KeySource, sealIn } from './sealed-key.ts';
import { goOnUnlocked, keepPublicHalf, lockedSealer, openOwnerKeys, program } from './unlocking.ts';

const help = `Usage: encrocam record [--config FILE] [--locked FILE] [--camera NAME]...

Records every camera of the configuration (or those named) until it gets SIGTERM or SIGINT: it then waits for
what ffmpeg still delivers, flushes it to disk, and ends. A second signal ends it at once.

  -c, --config FILE   the configuration (default: $ENCROCAM_CONFIG, or ${defaultConfigFile})
      --locked FILE   record by these public settings while there is no configuration, because the camera is locked; once
                      there is, go on by it. It is kept up to date while the camera is unlocked
      --camera NAME   record this camera only; may be given several times

Environment: ENCROCAM_FFMPEG is the ffmpeg to run (default: the one in PATH).
`;

export const command: Command = {
  help,
  options: { ...configOption, locked: { type: 'string' }, camera: { type: 'string', multiple: true } },
  run,
};

async function run({ values, positionals }: CommandArguments): Promise<number> {
  if (positionals.length > 0) {
    throw new EncroCamError('USAGE', `Unexpected argument ${JSON.stringify(positionals[0])}.`, {
      hint: 'See encrocam record --help.',
    });
  }
  const configFile = configFileFrom(values.config);
  const publicFile = values.locked as string | undefined;
  const settings = await lockedSettings(configFile, publicFile);
  const config = settings?.config ?? (await loadConfig(configFile));
  const names = (values.camera as string[] | undefined) ?? [];
  const isWanted = ({ name }: Camera): boolean => names.length === 0 || names.includes(name);
  // While it is locked, those that need a password are not known yet.
  if (!settings) assertKnown(names, config);
  const cameras = config.cameras.filter(isWanted);
  const logger = createLogger(config.log);
  const ffmpeg = await findFfmpeg();

  const ownerKeys = settings ? undefined : await openOwnerKeys(config);
  const lock = await lockRecordings(config);
  const sealer = settings
    ? lockedSealer(settings)
    : new Sealer({ ownerKeys: config.owner.keys, signingKey: config.signing.key }, program());
  const authority = new CameraAuthority(sealer, { isLocked: settings !== undefined, ownerKeys });
  const ending = new AbortController();
  try {
    // Reading the keys is the check that matters: it says now what would otherwise fail at the first packet.
    const ready = authority.prepare().then(
      (keys) => keys,
      (error: unknown) => ({ failure: error ?? new Error('sealing failed') }),
    );
    const prepare = (some: readonly Camera[]): Promise<PreparedCamera[]> =>
      prepareCameras(some, ffmpeg, logger);
    const recorder = new Recorder({
      config,
      ...(settings ? { hasDrive: settings.half.hasDrive } : {}),
      cameras: await prepare(cameras),
      formatFor: formats(config, authority, sealer),
      startSource: ffmpegStarter(ffmpeg),
      fileSystem: diskFileSystem,
      clock: systemClock,
      logger,
      bootId: await readBootId(),
    });
    const onOwnerKeys = (ring: OwnerKeyRing): void => {
      const { directory: recordingsDirectory } = config.recordings;
      const onTaken = (): void => recorder.keysChanged();
      const commands = new OwnerCommands({ recordingsDirectory, ring, clock: systemClock, logger, onTaken });
      commands.start();
      ending.signal.addEventListener('abort', () => commands.stop());
    };
    if (ownerKeys) onOwnerKeys(ownerKeys);
    const checked = ready.then(async (keys) => {
      if ('failure' in keys) {
        recorder.stop();
        recorder.kill();
        return keys.failure;
      }
      const { directory } = config.recordings;
      logger.info(settings ? 'recorder started; the camera is locked' : 'recorder started', {
        ...{ cameras: cameras.length, directory },
      });
      const place = publicFile === undefined ? undefined : { configFile, publicFile };
      if (settings && place) {
        void goOnUnlocked({
          ...{ ...place, settings, authority, recorder, prepare, isWanted, onOwnerKeys, logger },
          signal: ending.signal,
        });
      } else if (place) await keepPublicHalf({ ...place, config, keys, logger });
      return undefined;
    });
    const [failure] = await Promise.all([checked, recordUntilSignal(recorder, logger)]);
    if (failure !== undefined) throw failure;
    logger.info('recorder ended');
  } finally {
    ending.abort();
    authority.close();
    await lock.release();
  }
  return exitCode.whole;
}

/** By what a camera records while it is locked; `undefined` for one that is not, or that has nothing to record by. */
async function lockedSettings(
  configFile: string,
  publicFile: string | undefined,
): Promise<LockedSettings | undefined> {
  if (publicFile === undefined || (await sizeOf(configFile)) !== undefined) return undefined;
  // It is empty where the owner does not want it any more.
  return (await sizeOf(publicFile)) ? readPublicHalf(publicFile) : undefined;
}

async function sizeOf(file: string): Promise<number | undefined> {
  return stat(file).then(
    ({ size }) => size,
    () => undefined,
  );
}

function formats(
  config: LoadedConfig,
  authority: CameraAuthority,
  sealer: Sealer,
): (camera: Camera, logger: Logger) => RecordingFormat {
  const { format, container, directory } = config.recordings;
  if (format === 'encrocrypt2') {
    const keys = new KeySource(sealIn(sealer));
    return (_camera, logger) => new EncroCrypt2Format(config.slotMs, () => keys.next(), systemClock, logger);
  }
  return (camera, logger) => {
    const ended = new EndedRunsJournal(directory, camera.name, logger);
    return new EncroCrypt3Format({
      container: container === 'mp4' ? 'video/mp4' : 'video/mp2t',
      camera: camera.name,
      authority,
      live: new LiveFile(camera.localDirectory, () => authority.ownerKeys, logger),
      lastRuns: new LastRunFile(directory, camera),
      onRunEnded: ({ runId, link, file, startMs, endMs }) =>
        ended.note({
          ...{ run: `0x${runId.toString('hex')}`, recording: file, directory: camera.driveDirectory },
          ...{ link: `0x${link.toString('hex')}`, fromMs: startMs, toMs: endMs },
        }),
      clockState: readClockState,
      newestBlock: () => readNewestBlock(directory),
      clock: systemClock,
      logger,
    });
  };
}

/** The lock is also the proof that the recordings directory can be written to. */
async function lockRecordings({ recordings }: LoadedConfig): Promise<Lock> {
  try {
    return await acquireLock(recordings.directory, 'record');
  } catch (error) {
    if (systemErrorCode(error) === undefined || error instanceof EncroCamError) throw error;
    throw new EncroCamError(
      'INPUT_UNREADABLE',
      `Cannot write to the recordings directory ${recordings.directory}: ${messageOf(error)}.`,
      { hint: 'Set recordings.directory to one that this user may write to.', cause: error },
    );
  }
}

function assertKnown(names: readonly string[], config: LoadedConfig): void {
  for (const name of names) {
    if (config.cameras.some((camera) => camera.name === name)) continue;
    throw new EncroCamError('USAGE', `The configuration has no camera ${JSON.stringify(name)}.`, {
      hint: `Cameras: ${config.cameras.map((camera) => camera.name).join(', ')}.`,
    });
  }
}

async function prepareCameras(
  cameras: readonly Camera[],
  ffmpeg: string,
  logger: Logger,
): Promise<PreparedCamera[]> {
  const encoders = new EncoderChooser(hardwareProbe(ffmpeg), logger);
  return Promise.all(
    cameras.map(async (camera) => {
      const encoder = await encoders.choose(camera.encoder.name);
      if (encoder === 'copy' && camera.burnInTime) {
        logger.warn('the video of this camera is copied: no time can be drawn into it', {
          camera: camera.name,
        });
      }
      return {
        camera,
        encoder,
        fontFile: encoder !== 'copy' && camera.burnInTime ? findFont() : undefined,
        needsPacing: await needsPacing(camera),
      };
    }),
  );
}

/** Test pictures and files come as fast as they are read, unless they are read at the pace of a camera. */
async function needsPacing(camera: Camera): Promise<boolean> {
  const { format, device } = camera.input;
  if (format === 'lavfi') return true;
  try {
    return (await stat(device)).isFile();
  } catch (error) {
    // An address, or a camera that is not plugged in yet.
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'EACCES'].includes(systemErrorCode(error) ?? '')) return false;
    throw error;
  }
}

/** Its file is looked for and not run: on a small board that alone takes seconds. */
async function findFfmpeg(): Promise<string> {
  const wanted = process.env.ENCROCAM_FFMPEG || 'ffmpeg';
  const directories = wanted.includes('/') ? [''] : (process.env.PATH ?? '').split(':');
  for (const directory of directories) {
    const file = path.join(directory, wanted);
    const isProgram = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isProgram) return file;
  }
  throw new EncroCamError('PROGRAM_MISSING', `Cannot find ${wanted}.`, {
    hint: 'Install it: apt install ffmpeg.',
  });
}

async function recordUntilSignal(recorder: Recorder, logger: Logger): Promise<void> {
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    signals += 1;
    if (signals === 1) {
      logger.info('ending: waiting for what ffmpeg still delivers', { signal });
      recorder.stop();
      return;
    }
    logger.warn('ending at once', { signal });
    recorder.kill();
    process.exit(exitCode.usage);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  try {
    await recorder.run();
  } finally {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  }
}
