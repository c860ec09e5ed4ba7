/** A running ffmpeg, as the session sees it. */
import { spawn, spawnSync } from 'node:child_process';
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
  const [program = ffmpeg, ...before] = [...diesWithUs(), ffmpeg];
  return (args) => {
    const child = spawn(program, [...before, ...args], {
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

/** Milliseconds in which setpriv, a small program, shows that it works. */
const probeTimeoutMs = 2000;

/**
 * A recorder that is killed cannot end its ffmpegs. One that delivers meets a broken pipe; one whose camera is silent would keep
 * the device, and the next recorder could not open it. So the kernel is asked to, by setpriv (of util-linux), which becomes
 * ffmpeg. A sandbox may forbid it: that of our own service does, and systemd ends what is left of a service.
 */
function diesWithUs(): string[] {
  const words = ['setpriv', '--pdeathsig', 'KILL', '--'] as const;
  const [program, ...args] = words;
  const probe = spawnSync(program, [...args, 'true'], { stdio: 'ignore', timeout: probeTimeoutMs });
  return probe.status === 0 ? [...words] : [];
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
