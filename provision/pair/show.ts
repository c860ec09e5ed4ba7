/** Shows the codes of a pairing in the ways that were asked for. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { maxAgeMs } from '../../ledger/pairing/message.ts';
import { codePage } from '../../ledger/pairing/page.ts';
import { codePng } from '../../ledger/pairing/picture.ts';
import { neededSize, showCodes, tooSmall } from '../../ledger/pairing/screen.ts';
import type { CommandArguments } from '../../runtime/commands.ts';
import { EncroCamError, messageOf } from '../../runtime/errors.ts';
import { printable } from '../../runtime/log.ts';
import { askSecret } from '../../runtime/pgp/ask-secret.ts';

export interface Shows {
  readonly terminal: boolean;
  readonly browser: boolean;
  readonly page: string | undefined;
  readonly png: string | undefined;
  readonly json: boolean;
}

/** For the summary, and as JSON. */
export interface Told {
  readonly owner: string;
  readonly ownerFile: string;
  readonly camera: string;
  readonly createdMs: number;
  /** Names of what was answered. */
  readonly answers: readonly string[];
}

/** @throws {EncroCamError} `USAGE` where nothing would be shown. */
export function chooseShows(args: CommandArguments): Shows {
  const text = (name: string): string | undefined => {
    const value = args.values[name];
    return typeof value === 'string' ? value : undefined;
  };
  const [browser, json] = [args.values.browser === true, args.values.json === true];
  const [page, png] = [text('page'), text('png')];
  const isTerminal = process.stdout.isTTY === true && process.stdin.isTTY === true;
  const isElsewhere = browser || json || page !== undefined || png !== undefined;
  const terminal = args.values.terminal === true || (!isElsewhere && isTerminal);
  if (terminal && !isTerminal) {
    throw new EncroCamError('USAGE', '--terminal: this is no terminal.', {
      hint: 'Take --browser, --page FILE or --png DIRECTORY.',
    });
  }
  if (!terminal && !isElsewhere) {
    throw new EncroCamError('USAGE', 'This is no terminal to show codes in.', {
      hint: 'Take --browser, --page FILE, --png DIRECTORY or --json.',
    });
  }
  return { terminal, browser, page, png, json };
}

export async function showPairing(codes: readonly string[], told: Told, shows: Shows): Promise<void> {
  const say = (line: string): boolean => process.stderr.write(`${line}\n`);
  const answered = told.answers.length === 0 ? 'nothing else' : told.answers.join(', ');
  say(
    `Codes for ${printable(told.camera)}: ${codes.length}, with ${told.owner} as its owner, and ${answered}.`,
  );
  const lastMs = told.createdMs + maxAgeMs;
  const files: string[] = [];
  if (shows.png !== undefined) files.push(...(await writePictures(codes, shows.png)));
  if (shows.page !== undefined) files.push(await writePage(codes, lastMs, shows.page));
  for (const file of files) say(`Wrote ${printable(file)}`);
  if (files.length > 0) say('Remove what was written when the camera has taken it: it holds keys.');
  if (shows.json) process.stdout.write(`${JSON.stringify({ ...told, codes, files })}\n`);
  if (shows.browser) await showInBrowser(codes, lastMs, say);
  if (shows.terminal) await showInTerminal(codes, told, say);
}

async function showInTerminal(
  codes: readonly string[],
  told: Told,
  say: (line: string) => void,
): Promise<void> {
  const { stdin: input, stdout: output } = process;
  const [needed, size] = [neededSize(codes), { columns: output.columns, rows: output.rows }];
  if (size.columns < needed.columns || size.rows < needed.rows) {
    throw new EncroCamError('USAGE', 'This terminal is too small for the codes.', {
      hint: tooSmall(needed, size),
    });
  }
  const why = await showCodes(codes, { input, output, lastMs: told.createdMs + maxAgeMs });
  say(
    why === 'ended'
      ? `The keys of ${printable(told.camera)} are in ${printable(told.ownerFile)}: keep a copy of it elsewhere.`
      : 'A camera takes codes for an hour, which is over: run encrocam pair again.',
  );
}

async function showInBrowser(
  codes: readonly string[],
  lastMs: number,
  say: (line: string) => void,
): Promise<void> {
  // Private to its user: other users of the computer must not read it.
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-pairing-'));
  const file = await writePage(codes, lastMs, path.join(directory, 'codes.html'));
  say(`The codes are on ${printable(`file://${file}`)}`);
  say(
    'If no browser shows it (snaps and Flatpaks may not read /tmp): --page FILE, with a file in your home.',
  );
  // Where there is no desktop, the line above is what there is.
  spawn('xdg-open', [file], { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
  if (process.stdin.isTTY !== true) {
    say('Remove it when the camera has taken it: it holds keys.');
    return;
  }
  // A window that is closed must not leave it behind.
  const hangUp = (signal: NodeJS.Signals): void => {
    rmSync(directory, { recursive: true, force: true });
    process.kill(process.pid, signal);
  };
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, hangUp);
  try {
    await askSecret('Press Enter when the camera has taken them. ', { code: 'USAGE' });
  } finally {
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.off(signal, hangUp);
    await rm(directory, { recursive: true, force: true });
  }
}

async function writePictures(codes: readonly string[], directory: string): Promise<string[]> {
  await writing(directory, () => mkdir(directory, { recursive: true, mode: 0o700 }));
  const files = codes.map((_, index) => {
    const number = String(index + 1).padStart(String(codes.length).length, '0');
    return path.join(directory, `code-${number}-of-${codes.length}.png`);
  });
  for (const [index, code] of codes.entries()) await writeNew(files[index] ?? '', codePng(code));
  return files;
}

async function writePage(codes: readonly string[], lastMs: number, file: string): Promise<string> {
  await writeNew(file, codePage(codes, lastMs));
  return file;
}

/** For its user alone, and never over something else. */
function writeNew(file: string, content: string | Buffer): Promise<void> {
  return writing(file, () => writeFile(file, content, { flag: 'wx', mode: 0o600 }));
}

async function writing<T>(file: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw new EncroCamError('INPUT_UNREADABLE', `Cannot write ${printable(file)}: ${messageOf(error)}.`, {
      hint: 'Name what does not exist yet, where you can write.',
      cause: error,
    });
  }
}
