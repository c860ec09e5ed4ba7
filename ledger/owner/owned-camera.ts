/** The camera that a command line means. */
import { EncroCamError } from '../../runtime/errors.ts';
import { printable } from '../../runtime/log.ts';
import { findCamera, type OwnedCamera, type Owner } from './owner.ts';

/** @throws {EncroCamError} `USAGE`, with the names that there are. */
export function ownedCamera(owner: Owner, wanted: string): OwnedCamera {
  const camera = findCamera(owner, wanted);
  if (camera) return camera;
  const names = [...new Set(owner.cameras.map(({ name }) => printable(name)))];
  throw new EncroCamError('USAGE', `Your key file has no camera ${printable(wanted)}.`, {
    hint: names.length > 0 ? `Cameras in it: ${names.join(', ')}.` : 'Pair a camera first.',
  });
}
