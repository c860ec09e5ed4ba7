/** A running ffmpeg, as the session sees it. */
import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { messageOf } from '../errors.ts';
import { motionDescriptor, printsMotion } from './motion-filter.ts';

export interface VideoSource {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** What the motion filter prints, where there is one. It flows already: what is to be heard needs a listener at once. */
  readonly motion?: Readable;
  /** Resolves when the process has ended; what it wrote may still be in the pipe. Never rejects. */
  readonly ended: Promise<SourceEnd>;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export interface SourceEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Set if it could not even be started. */
  readonly error?: Error;
}

export type StartSource = (args: readonly string[]) => VideoSource;

export function ffmpegStarter(ffmpeg: string): StartSource {
  return (args) => {
    const child = spawn(ffmpeg, [...args], {
      stdio: ['ignore', 'pipe', 'pipe', ...(printsMotion(args) ? ['pipe' as const] : [])],
      // A process group of its own: Ctrl-C reaches the recorder alone, which ends ffmpeg in order.
      detached: true,
    });
    const ended = new Promise<SourceEnd>((resolve) => {
      child.once('error', (error) => resolve({ code: null, signal: null, error }));
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    const { stdout, stderr } = child;
    // The types of an array of any length do not tell that these are there.
    if (!stdout || !stderr) throw new TypeError('ffmpeg has no pipes');
    const motion = child.stdio[motionDescriptor];
    // Read even if nobody listens: a filter that cannot print holds up the video.
    if (motion instanceof Readable) motion.on('error', () => undefined).resume();
    return {
      stdout,
      stderr,
      ...(motion instanceof Readable ? { motion } : {}),
      ended,
      kill: (signal) => void child.kill(signal),
    };
  };
}

/** For a log line: how ffmpeg ended, and what it said last. */
export function describeEnd(end: SourceEnd, lastWords: string): string {
  if (end.error) return `ffmpeg cannot be started: ${messageOf(end.error)}`;
  const how = end.signal === null ? `code ${end.code}` : end.signal;
  return `ffmpeg ended with ${how}${inBrackets(lastWords)}`;
}

export function inBrackets(lastWords: string): string {
  return lastWords === '' ? '' : ` (${lastWords})`;
}
