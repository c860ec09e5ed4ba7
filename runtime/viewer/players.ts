/** The programs that can show video from a pipe, and how to start each. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { EncroCamError } from '../errors.ts';

export interface Player {
  readonly program: string;
  readonly args: readonly string[];
}

interface KnownPlayer {
  readonly name: string;
  readonly programs: readonly string[];
  readonly args: readonly string[];
  readonly liveArgs: readonly string[];
}

/** In order of preference. */
const players: readonly KnownPlayer[] = [
  {
    name: 'mpv',
    programs: ['mpv'],
    args: ['--title=EncroCam', '--force-window=immediate', '--demuxer-lavf-format=mpegts', '-'],
    liveArgs: ['--profile=low-latency'],
  },
  {
    name: 'vlc',
    programs: ['vlc', 'cvlc'],
    args: ['--play-and-exit', '--no-video-title-show', '--demux=ts', 'fd://0'],
    liveArgs: ['--file-caching=300', '--clock-jitter=0'],
  },
  {
    name: 'ffplay',
    programs: ['ffplay'],
    args: [
      '-hide_banner',
      '-loglevel',
      'fatal',
      '-autoexit',
      '-window_title',
      'EncroCam',
      '-f',
      'mpegts',
      '-i',
      'pipe:0',
    ],
    liveArgs: ['-fflags', 'nobuffer', '-flags', 'low_delay', '-framedrop'],
  },
];

export interface ChoosePlayerOptions {
  /** Name of one of them; without it, the first that is installed. */
  readonly name: string | undefined;
  /** Prefer a short delay to smooth playing. */
  readonly live: boolean;
  /** Directories to search, as in `$PATH`. */
  readonly searchPath: string;
}

/** @throws {EncroCamError} `USAGE` for an unknown name, `PROGRAM_MISSING` */
export async function choosePlayer(options: ChoosePlayerOptions): Promise<Player> {
  const { name, live, searchPath } = options;
  const candidates = players.filter((player) => name === undefined || player.name === name);
  if (candidates.length === 0) {
    throw new EncroCamError('USAGE', `--player ${JSON.stringify(name)} is not known.`, {
      hint: `Known players: ${players.map((player) => player.name).join(', ')}.`,
    });
  }
  for (const player of candidates) {
    for (const program of player.programs) {
      const file = await findProgram(program, searchPath);
      if (file !== undefined) {
        return { program: file, args: live ? [...player.liveArgs, ...player.args] : player.args };
      }
    }
  }
  throw new EncroCamError(
    'PROGRAM_MISSING',
    `${name ?? 'No player (mpv, vlc or ffplay)'} is not installed.`,
    {
      hint: `Install it with: sudo apt install ${name === 'ffplay' ? 'ffmpeg' : (name ?? 'mpv')}`,
    },
  );
}

async function findProgram(program: string, searchPath: string): Promise<string | undefined> {
  for (const directory of searchPath.split(path.delimiter)) {
    if (directory === '') continue;
    const file = path.join(directory, program);
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {
      // Not here: the next directory may have it.
    }
  }
  return undefined;
}
