/**
 * What a server's replies and a socket's failures mean for the caller. Pure. A reply's text is hostile: control
 * characters go, it is cut short, and a password that the server repeats is blotted out.
 */
import { FTPError } from 'basic-ftp';
import { EncroCamError, isEncroCamError, messageOf, systemErrorCode } from '../../errors.ts';
import { printable } from '../../log.ts';

/** Longest quotation of a server in a message. */
const maxQuotedLength = 200;

const hints = {
  STORAGE_UNREACHABLE: 'Check the network and storage.host and storage.port; it is tried again.',
  STORAGE_REFUSED: "Check the account's rights on the drive, and storage.directory.",
  STORAGE_FULL: 'Free space on the drive, raise its quota, or lower storage.retentionDays.',
  STORAGE_PROTOCOL: 'This server does not keep to the FTP standard; see docs/ref/errors.md.',
} as const;

export interface ErrorContext {
  /** What was being done, for the message: `append to /front/rec-….encrocam`. */
  readonly action: string;
  readonly location: string;
  readonly password: string;
}

/** Any failure of an FTP session as one of ours. */
export function toStorageError(error: unknown, context: ErrorContext): EncroCamError {
  if (isEncroCamError(error)) return error;
  if (error instanceof FTPError) {
    const code = codeOfReply(error.code, error.message);
    return new EncroCamError(
      code,
      `Cannot ${context.action} on ${context.location}: the server says "${quote(error.message, context.password)}".`,
      { hint: hints[code] },
    );
  }
  const detail = systemErrorCode(error) ?? quote(messageOf(error), context.password);
  return new EncroCamError(
    'STORAGE_UNREACHABLE',
    `Cannot ${context.action} on ${context.location}: ${detail}.`,
    { hint: hints.STORAGE_UNREACHABLE },
  );
}

export function protocolError(message: string): EncroCamError {
  return new EncroCamError('STORAGE_PROTOCOL', message, { hint: hints.STORAGE_PROTOCOL });
}

export function unreachableError(message: string): EncroCamError {
  return new EncroCamError('STORAGE_UNREACHABLE', message, { hint: hints.STORAGE_UNREACHABLE });
}

/**
 * RFC 959 gives 452 and 552 to a full drive, but servers also put it into words under other codes: vsftpd answers
 * every failed write with "451 Failure writing to local file.", and has no words for a full disk.
 */
const fullWords =
  /quota|no space|disk (is )?full|insufficient (storage|disk)|exceeded storage|writing to local file/i;

export function codeOfReply(code: number, text: string): keyof typeof hints {
  if (code === 452 || code === 552 || (code >= 400 && fullWords.test(text))) return 'STORAGE_FULL';
  // 421: the service closes; 425, 426: the data connection failed; 450, 451: try again later.
  if (code === 421 || code === 425 || code === 426 || code === 450 || code === 451)
    return 'STORAGE_UNREACHABLE';
  return 'STORAGE_REFUSED';
}

export function quote(text: string, password: string): string {
  const blotted = password.length >= 4 ? text.replaceAll(password, '***') : text;
  const line = printable(blotted.replaceAll(/\s*[\r\n]+\s*/g, ' ').trim());
  return line.length > maxQuotedLength ? `${line.slice(0, maxQuotedLength)}…` : line;
}

/** `213 1234`, strictly: decimal digits and nothing that could be a sign, an exponent or a second number. */
export function parseSizeReply(text: string, maxBytes: number): number {
  const digits = /^213 +(\d{1,16})\s*$/.exec(text)?.[1];
  const size = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(size) || size > maxBytes) {
    throw protocolError(`The server answered SIZE with "${quote(text, '')}".`);
  }
  return size;
}

/** The port in `229 Entering Extended Passive Mode (|||6446|)`. */
export function parseExtendedPassiveReply(text: string): number {
  return checkedPort(/\(([!-~])\1\1(\d{1,5})\1\)/.exec(text)?.[2], text);
}

/** The port in `227 Entering Passive Mode (192,168,1,9,25,46)`; the address is not used: see `data.ts`. */
export function parsePassiveReply(text: string): number {
  const match = /(?<![\d,])(?:\d{1,3},){4}(\d{1,3}),(\d{1,3})(?![\d,])/.exec(text);
  const high = Number(match?.[1]);
  const low = Number(match?.[2]);
  return checkedPort(high <= 255 && low <= 255 ? String(high * 256 + low) : undefined, text);
}

function checkedPort(digits: string | undefined, text: string): number {
  const port = Number(digits);
  if (digits === undefined || port < 1 || port > 65_535) {
    throw protocolError(`The server opened no usable data port: "${quote(text, '')}".`);
  }
  return port;
}
