import type { LogFormat, LogLevel } from './config/types.ts';

/**
 * Logging to standard error, where journald or a terminal picks it up. Text lines carry local time with its
 * UTC offset; under journald the priority goes in front (`<6>`) and the time is left to the journal.
 * What is logged is chosen by the caller; settings marked secret never reach this module.
 */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A logger whose every line also carries `fields` (the camera's name, say). */
  with(fields: LogFields): Logger;
}

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

const severities = { error: 3, warn: 4, info: 6, debug: 7 } as const satisfies Record<LogLevel, number>;

export interface LoggerOptions {
  level: LogLevel;
  /** `auto`: journal where standard error is connected to journald, text elsewhere. */
  format: LogFormat;
  write?: (line: string) => void;
  now?: () => Date;
}

export function createLogger(options: LoggerOptions, base: LogFields = {}): Logger {
  const { level, now = () => new Date() } = options;
  const format =
    options.format === 'auto' ? (process.env.JOURNAL_STREAM ? 'journal' : 'text') : options.format;
  const write = options.write ?? writeToStandardError;

  const log = (severity: LogLevel, message: string, fields: LogFields = {}): void => {
    if (severities[severity] > severities[level]) return;
    const all = Object.entries({ ...base, ...fields }).filter(([, value]) => value !== undefined);
    const text = printable(message);
    if (format === 'json') {
      write(
        `${JSON.stringify({ time: now().toISOString(), level: severity, message: text, ...Object.fromEntries(all) })}\n`,
      );
      return;
    }
    const tail = all.map(([name, value]) => ` ${name}=${quoteIfNeeded(String(value))}`).join('');
    write(
      format === 'journal'
        ? `<${severities[severity]}>${text}${tail}\n`
        : `${localTime(now())} ${severity.padEnd(5)} ${text}${tail}\n`,
    );
  };
  return {
    error: (message, fields) => log('error', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    info: (message, fields) => log('info', message, fields),
    debug: (message, fields) => log('debug', message, fields),
    with: (fields) => createLogger(options, { ...base, ...fields }),
  };
}

/** A log that nobody reads any more, or a disk that takes none, is no reason to end: a recording would be cut off with it. */
const unheard = (): void => undefined;

function writeToStandardError(line: string): void {
  // Once, however many loggers there are.
  if (!process.stderr.listeners('error').includes(unheard)) process.stderr.on('error', unheard);
  process.stderr.write(line);
}

/** A logger that says nothing, for tests and for embedding. */
export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  with: () => silentLogger,
};

/** `2026-11-22 13:37:05.250 +01:00`: local time with its offset from UTC. */
export function localTime(date: Date): string {
  const offsetMinutes = -date.getTimezoneOffset();
  const shifted = new Date(date.getTime() + offsetMinutes * 60_000).toISOString();
  const sign = offsetMinutes < 0 ? '-' : '+';
  const absolute = Math.abs(offsetMinutes);
  const pad = (value: number): string => String(value).padStart(2, '0');
  return `${shifted.slice(0, 10)} ${shifted.slice(11, 23)} ${sign}${pad(Math.floor(absolute / 60))}:${pad(absolute % 60)}`;
}

/** Names and messages may come from a server or a camera: no control character reaches the terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

function quoteIfNeeded(value: string): string {
  const clean = printable(value);
  return /^[^\s"=]+$/.test(clean) ? clean : JSON.stringify(clean);
}
