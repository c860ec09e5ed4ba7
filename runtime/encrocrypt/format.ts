/**
 * EncroCrypt2, the envelope: any number of packets, each
 *
 *     magic `__EncroCrypt2` (13 ASCII bytes) · type (1 byte) · length (u32 big-endian) · body of that length
 *
 * Source: `docs/ref/encrocrypt2.md`. Nothing in this folder opens files or sockets or imports anything of ours.
 */
export const magic: Buffer = Buffer.from('__EncroCrypt2', 'ascii');

/** Magic, type and length. */
export const headerBytes = 18;

export const packetType = {
  /** Body: a binary OpenPGP message, encrypted to the owner and signed by the camera: the 16-byte AES-128 key. */
  key: 1,
  /** Body: minutes (u32), nonce (16), ciphertext, tag (16): AES-128-GCM without associated data. */
  video: 2,
} as const;

export const keyBytes = 16;
export const nonceBytes = 16;
export const tagBytes = 16;
/** Minutes since the epoch, u32 big-endian: a help for seeking, not authenticated. */
export const minutesBytes = 4;
/** What surrounds the ciphertext in the body of a video packet. */
export const videoOverheadBytes = minutesBytes + nonceBytes + tagBytes;
/** Largest body of a video packet, the {@link videoOverheadBytes} included. */
export const maxVideoBodyBytes = 10 * 1024 * 1024;
/** Most plaintext that one video packet can carry. */
export const maxPlaintextBytes = maxVideoBodyBytes - videoOverheadBytes;
/** Largest body of a key packet that is believed: 32 recipients with the largest keys in use stay below 64 KiB. */
export const maxKeyBodyBytes = 64 * 1024;
/** A fresh key is due at the latest after this many packets under one key. */
export const maxPacketsPerKey = 2 ** 32;
/** What a video packet costs beyond its plaintext. */
export const packetOverheadBytes = headerBytes + videoOverheadBytes;

/** Thrown for arguments that do not fit the format; never for what is read. */
export class FormatError extends RangeError {
  override readonly name = 'FormatError';
}
