/**
 * The one error class. Every failure that a person may read has a stable `code` (listed in
 * `docs/ref/errors.md`, which a test holds against this table), a short message that says which setting,
 * file or server is meant and what was found, and a `hint` that says what to do next. No secret is ever part
 * of either.
 */
export const errorCodes = {
  USAGE: 'The command line is wrong.',
  CONFIG_INVALID: 'The configuration breaks a rule of config.schema.json.',
  CONFIG_UNREADABLE: 'The configuration file is missing, unreadable or not JSON.',
  KEY_UNREADABLE: 'An OpenPGP key file is missing, unreadable or holds no usable key.',
  KEY_UNUSABLE: 'A key is expired, revoked, or cannot encrypt or sign as it must here.',
  KEY_UNREACHABLE: 'A key cannot be fetched from the network at the moment.',
  KEY_LOCKED: 'A secret key is protected by a passphrase that was not given or is wrong.',
  SIGNER_UNKNOWN: 'The public key behind --signed-by was not found.',
  NOT_AUTHENTIC: 'A key packet was not signed by the expected camera.',
  DECRYPTION_FAILED: 'A key packet cannot be decrypted with the given secret key.',
  SHARE_UNREADABLE: 'A share is damaged, cut, not a share at all, or for somebody else.',
  SHARE_EXPIRED: 'A share is past the time that was written into it.',
  PROOF_UNREADABLE: 'A tree or proof file of the ledger is damaged, or not one at all.',
  FORMAT_LIMIT: 'A value does not fit the recording format.',
  INPUT_UNREADABLE: 'An input or output file or stream cannot be opened, read or written.',
  CAMERA_UNAVAILABLE: 'The camera cannot be opened or delivers nothing.',
  PROGRAM_MISSING: 'A program that this command needs is not installed.',
  DISK_FULL: 'The disk is full and nothing more can be removed safely.',
  STORAGE_UNREACHABLE: 'The drive cannot be reached, or the connection broke.',
  STORAGE_REFUSED: 'The drive refused the log-in or the operation.',
  STORAGE_FULL: 'The drive has no room left, or a quota is reached.',
  STORAGE_UNTRUSTED: "The drive's certificate is not trusted.",
  STORAGE_PROTOCOL: 'The drive answered something that makes no sense or exceeds a bound.',
  STORAGE_MISMATCH: "The drive's bytes differ from the local recording.",
  ALREADY_RUNNING: 'Another process of the same kind already works on these recordings, or on this key file.',
  NOT_ROOT: 'The command changes the system and must run as root.',
  PROGRAM_FAILED: 'A program of the system ended with an error.',
  SYSTEM_UNSUITABLE: 'This system is not one that EncroCam can be set up on, or lacks a part of it.',
  PASSPHRASE_WRONG: 'The passphrase or recovery key does not open the config volume.',
  VOLUME_UNUSABLE: 'The config volume is missing, half made, or its file system is damaged.',
  IDENTITY_UNREADABLE:
    'The file with the key that the camera signs transactions with is missing, damaged, open to others, or cannot be made.',
  ELEMENT_UNAVAILABLE:
    'The secure element, its token or its PKCS#11 library cannot be used at the moment, or does not answer.',
  ELEMENT_UNSUITABLE: 'The secure element, or the key on it, cannot do what the ledger needs.',
  ELEMENT_PIN: 'The secure element refused the PIN, or refused it before: it is not tried again.',
  OWNER_FILE_UNREADABLE: "An owner's key file is missing, damaged, or not one.",
  PAIRING_REFUSED: 'A pairing message is malformed, not signed by its owner, used before, or out of date.',
  CHAIN_UNREACHABLE: 'Too few nodes of the chain answer.',
  CHAIN_DISAGREES: 'Nodes of the chain give different answers: nothing is concluded.',
  CHAIN_WRONG: 'A node is of another chain, or there is no contract where there should be.',
  AGENT_UNREACHABLE: 'The unlock agent does not answer.',
  DEPLOYMENT_FAILED: 'The contracts could not be put on a chain.',
  INTERNAL: 'A defect in EncroCam itself.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface EncroCamErrorOptions {
  /** What the reader can do about it: one sentence. */
  hint?: string;
  cause?: unknown;
}

export class EncroCamError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: EncroCamErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EncroCamError';
    this.code = code;
    this.hint = options.hint;
  }
}

/** `true` if `error` is ours and, when codes are given, has one of them. */
export function isEncroCamError(error: unknown, ...codes: ErrorCode[]): error is EncroCamError {
  return error instanceof EncroCamError && (codes.length === 0 || codes.includes(error.code));
}

/** The text of anything that was thrown, for a log line or a message; one line, without a stack. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s*\n\s*/g, ' ').trim() || 'unknown error';
}

/** The operating system's error code (`ENOSPC`, `ENOENT`, …) of what was thrown, if it has one. */
export function systemErrorCode(error: unknown): string | undefined {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return undefined;
}
