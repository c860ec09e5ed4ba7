/**
 * The error class of the image builder, which shares no code with the camera's runtime: a stable `code`, a message
 * that names the field, program or file, and a `hint` that says what to do next.
 */
export const imageErrorCodes = {
  USAGE: 'The command line is wrong.',
  DESCRIPTION_INVALID: 'image.json or a base breaks a rule of image.schema.json.',
  ARCHIVE_UNREACHABLE: "No base's package archive answers.",
  ARCHIVE_UNTRUSTED: "A package archive's signature, or the hash of a package, is not as it must be.",
  PACKAGES_UNRESOLVED: 'The archive does not offer the packages that are asked for.',
  HOST_UNSUITABLE: 'This machine lacks something that building needs.',
  COMMAND_FAILED: 'A program that a step runs failed.',
  STEP_UNREADY: 'A step was asked for without what an earlier step makes.',
  IMAGE_TOO_LARGE: 'The contents do not fit into a partition, or the image is larger than allowed.',
  DEVICE_REFUSED: 'The device must not be written to.',
  DEVICE_FAILED: 'Writing the device failed, or it does not hold what was written.',
} as const;

export type ImageErrorCode = keyof typeof imageErrorCodes;

export class ImageError extends Error {
  readonly code: ImageErrorCode;
  readonly hint: string | undefined;

  constructor(code: ImageErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ImageError';
    this.code = code;
    this.hint = options.hint;
  }
}

/** The text of anything that was thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s*\n\s*/g, ' ').trim() || 'unknown error';
}
