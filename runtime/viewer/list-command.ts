/** `encrocam list`: see the help text. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Command, CommandArguments } from '../commands.ts';
import { configFileFrom, loadConfig } from '../config/load.ts';
import { EncroCamError, isEncroCamError, systemErrorCode } from '../errors.ts';
import { type ExitCode, exitCode } from '../exit-codes.ts';
import { createLogger, printable } from '../log.ts';
import { openStorage } from '../storage/open.ts';
import { type DrivePath, drivePath, type Storage } from '../storage/storage.ts';
import { type ListedCamera, listAsJson, listAsText } from './list-text.ts';
import { findPlace } from './location.ts';
import { driveHelp, driveOptions } from './options.ts';
import { unreadable } from './source.ts';
import { buildTimeline, type Listing } from './timeline.ts';

const help = `Usage: encrocam list [LOCATION] [OPTIONS]

Lists recordings with their local times and sizes, and the gaps between them. Without LOCATION, those of all
cameras in the configuration, on disk and drive side by side.

LOCATION  a directory of recordings, or ftps://USER@HOST/DIRECTORY (its password is asked for, or taken from
          ENCROCAM_FTP_PASSWORD)

  --json                 for programs; times in UTC
${driveHelp}
Exit code: 0 listed; 1 usage, or a side that could not be read (the other one is listed all the same).
`;

export const command: Command = {
  help,
  options: { ...driveOptions, json: { type: 'boolean' } },
  async run(args) {
    const [place, extra] = args.positionals;
    if (extra !== undefined) {
      throw new EncroCamError('USAGE', 'list takes one LOCATION at most.', {
        hint: 'See encrocam list --help.',
      });
    }
    const { cameras, code } = place === undefined ? await listConfigured(args) : await listPlace(place, args);
    process.stdout.write(args.values.json === true ? listAsJson(cameras) : listAsText(cameras));
    return code;
  },
};

interface Listed {
  readonly cameras: readonly ListedCamera[];
  readonly code: ExitCode;
}

async function listPlace(place: string, args: CommandArguments): Promise<Listed> {
  const location = await findPlace(place, args);
  if (location.kind === 'stdin') {
    throw new EncroCamError('USAGE', 'Standard input cannot be listed.', { hint: 'Give a directory.' });
  }
  if (location.kind === 'local') {
    const timeline = buildTimeline(await listDisk(location.path), undefined);
    return {
      cameras: [{ name: location.path, sides: { disk: true, drive: false }, timeline }],
      code: exitCode.whole,
    };
  }
  const { storage } = location;
  try {
    await storage.connect();
    const timeline = buildTimeline(undefined, await listDrive(storage, location.path));
    const name = `${storage.location.replace(/\/$/, '')}${location.path}`;
    return { cameras: [{ name, sides: { disk: false, drive: true }, timeline }], code: exitCode.whole };
  } finally {
    await storage.close();
  }
}

async function listConfigured(args: CommandArguments): Promise<Listed> {
  const config = await loadConfig(configFileFrom(args.values.config));
  const problems: EncroCamError[] = [];
  const orReport = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      if (!isEncroCamError(error)) throw error;
      problems.push(error);
      return undefined;
    }
  };
  const logger = createLogger({ level: 'warn', format: 'text' });
  const storage =
    config.storage.driver === 'none' ? undefined : await openStorage(config.storage, { logger });
  const cameras: ListedCamera[] = [];
  try {
    let drive = storage;
    if (drive && (await orReport(drive.connect().then(() => true))) === undefined) drive = undefined;
    for (const camera of config.cameras) {
      const disk = await orReport(listDisk(camera.localDirectory));
      const remote = drive && (await orReport(listDrive(drive, drivePath('/', camera.driveDirectory))));
      const sides = { disk: disk !== undefined, drive: remote !== undefined };
      cameras.push({ name: camera.name, sides, timeline: buildTimeline(disk, remote) });
    }
  } finally {
    await storage?.close();
  }
  for (const problem of problems) {
    process.stderr.write(`encrocam: ${printable(problem.message)} [${problem.code}]\n`);
    if (problem.hint) process.stderr.write(`  ${printable(problem.hint)}\n`);
  }
  return { cameras, code: problems.length === 0 ? exitCode.whole : exitCode.usage };
}

async function listDisk(directory: string): Promise<Listing> {
  const sizes = new Map<string, number>();
  try {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      if (!entry.isFile()) continue;
      try {
        sizes.set(entry.name, (await stat(path.join(directory, entry.name))).size);
      } catch (error) {
        // Clean-up may remove a recording while they are listed.
        if (systemErrorCode(error) !== 'ENOENT') throw error;
      }
    }
  } catch (error) {
    throw unreadable(directory, error);
  }
  return sizes;
}

async function listDrive(storage: Storage, directory: DrivePath): Promise<Listing> {
  return new Map((await storage.list(directory)).map((file) => [file.name, file.sizeBytes]));
}
