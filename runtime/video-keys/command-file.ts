/** The command file that brings a camera a new video key over the drive: `docs/ref/ledger.md`, Command file. Pure. */
import { fromHex, toHex } from './hex.ts';
import { addressBytes, isCounter, wrappedKeyBytes } from './keys.ts';

/** Larger ones are not read: a whole one has 300. */
export const maxCommandBytes = 4096;
const format = 'EncroCam command 1';
const name = 'rotate-key';

export interface RotateKeyCommand {
  /** The address of the camera that it is for, 20 bytes, if the owner knows it. Nothing vouches for it but that the key unwraps. */
  readonly camera?: Buffer;
  readonly wrapped: Buffer;
}

export function commandFileName(counter: number): string {
  return `command-${String(counter).padStart(8, '0')}.json`;
}

/** The counter in a command file's name; `undefined` for any other file. */
export function commandCounter(fileName: string): number | undefined {
  const digits = /^command-(\d{8,16})\.json$/.exec(fileName)?.[1];
  const counter = Number(digits);
  return isCounter(counter) && commandFileName(counter) === fileName ? counter : undefined;
}

export function encodeCommand({ camera, wrapped }: RotateKeyCommand): string {
  const addressee = camera ? { camera: toHex(camera) } : {};
  return `${JSON.stringify({ format, command: name, ...addressee, wrapped: toHex(wrapped) })}\n`;
}

/** @returns `undefined` for anything but a command that this version knows. */
export function parseCommand(text: string): RotateKeyCommand | undefined {
  if (text.length > maxCommandBytes) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const given = value as Record<string, unknown>;
  const wrapped = fromHex(given.wrapped, wrappedKeyBytes);
  if (given.format !== format || given.command !== name || !wrapped) return undefined;
  if (given.camera === undefined) return { wrapped };
  const camera = fromHex(given.camera, addressBytes);
  return camera && { camera, wrapped };
}
