/** Ordinary MP4 from decrypted video, without encoding it again: ffmpeg puts it into another container. */
import { spawn } from 'node:child_process';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Container } from '../encrocrypt/v3/index.ts';
import { EncroCamError, messageOf, systemErrorCode } from '../errors.ts';
import { printable } from '../log.ts';

/** What is said of a failure: ffmpeg's last words. */
const maxWordsBytes = 2000;
const maxOutputBytes = 64 * 1024;
const demuxers: Readonly<Record<Container, string>> = { 'video/mp2t': 'mpegts', 'video/mp4': 'mp4' };
/** The index in front, so that playing can begin before all is there; no progress, no questions. */
const quiet = ['-hide_banner', '-nostdin', '-loglevel', 'error'];
const copied = ['-map', '0:v', '-map', '0:a?', '-c', 'copy', '-movflags', '+faststart', '-f', 'mp4'];

/**
 * Writes the video of one run.
 * @param video its initialisation, if there is one, and packets that begin with a key frame.
 * @throws {EncroCamError} `PROGRAM_MISSING`, `PROGRAM_FAILED`
 */
export async function writeMp4(
  video: AsyncIterable<Buffer>,
  container: Container,
  file: string,
): Promise<void> {
  await run('ffmpeg', [...quiet, '-y', '-f', demuxers[container], '-i', 'pipe:0', ...copied, file], video);
}

/**
 * Makes one MP4 of several, whose files are used up, or several where their streams are not alike: a camera that was set
 * to another size has no video in one piece.
 * @param files beside where the result goes.
 * @param name of the result, without `.mp4`.
 * @returns the names of the files that are there now.
 * @throws {EncroCamError} `PROGRAM_MISSING`, `PROGRAM_FAILED`
 */
export async function joinMp4(files: readonly string[], name: string): Promise<string[]> {
  const [first, ...others] = files;
  if (first === undefined) return [];
  if (others.length === 0) return [await renamed(first, `${name}.mp4`)];
  const streams = await Promise.all(files.map(streamsOf));
  if (new Set(streams).size > 1) {
    return Promise.all(files.map((file, number) => renamed(file, `${name}-${number + 1}.mp4`)));
  }
  const list = `${name}.list`;
  // Names of its own making, in the list's own folder: nothing that would have to be quoted.
  await writeFile(list, files.map((file) => `file '${path.basename(file)}'\n`).join(''), { mode: 0o600 });
  try {
    await run('ffmpeg', [...quiet, '-y', '-f', 'concat', '-i', list, ...copied, `${name}.mp4`]);
  } finally {
    await Promise.all([list, ...files].map((file) => rm(file, { force: true })));
  }
  return [`${name}.mp4`];
}

async function renamed(from: string, to: string): Promise<string> {
  await rename(from, to);
  return to;
}

/** What must be the same in files that are joined: codecs, sizes, and what a decoder must know beforehand. */
function streamsOf(file: string): Promise<string> {
  const entries = 'stream=codec_name,width,height,time_base,sample_rate,channels,extradata_hash';
  const shown = ['-show_data_hash', 'sha256', '-show_entries', entries, '-of', 'json'];
  return run('ffprobe', ['-v', 'error', ...shown, file]);
}

async function run(
  program: string,
  args: readonly string[],
  input: AsyncIterable<Buffer> | undefined = undefined,
): Promise<string> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let [output, words] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    output = `${output}${chunk.toString()}`.slice(0, maxOutputBytes);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    words = `${words}${chunk.toString()}`.slice(-maxWordsBytes);
  });
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once('error', (error) => reject(startFailure(program, error)));
    child.once('close', (code, signal) => resolve(signal ?? code ?? 'nothing'));
  });
  // Broken by a program that ends early: its exit says why. What goes wrong with the input itself ends the program.
  let failure: unknown;
  const fed = pipeline(Readable.from(input ?? []), child.stdin).catch((error: unknown) => {
    if (systemErrorCode(error) === 'EPIPE' || systemErrorCode(error) === 'ERR_STREAM_PREMATURE_CLOSE') return;
    failure = error;
    child.kill();
  });
  const code = await ended;
  await fed;
  if (failure !== undefined) throw failure;
  if (code === 0) return output;
  const said = printable(words.trim().split('\n').slice(-3).join('; '));
  throw new EncroCamError('PROGRAM_FAILED', `${program} ended with ${code}: ${said || 'it said nothing'}.`, {
    hint: 'Nothing was written. Is there room on the disk? encrocam decrypt writes the same video without ffmpeg.',
  });
}

function startFailure(program: string, error: unknown): EncroCamError {
  const isMissing = systemErrorCode(error) === 'ENOENT';
  const what = isMissing ? 'is not installed' : `cannot be started: ${messageOf(error)}`;
  return new EncroCamError('PROGRAM_MISSING', `${program} ${what}.`, {
    hint: 'Install it with: sudo apt install ffmpeg; or write the video as it is with encrocam decrypt.',
    cause: error,
  });
}
