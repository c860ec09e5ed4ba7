/** `encrocam rotate-key`: see the help text. */
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Command, CommandArguments } from '../../runtime/commands.ts';
import { EncroCamError, isEncroCamError, messageOf } from '../../runtime/errors.ts';
import { exitCode } from '../../runtime/exit-codes.ts';
import { printable } from '../../runtime/log.ts';
import { type DrivePath, drivePath, type Storage } from '../../runtime/storage/storage.ts';
import { commandFileName, encodeCommand } from '../../runtime/video-keys/command-file.ts';
import { fromHex } from '../../runtime/video-keys/hex.ts';
import {
  addressBytes,
  type Purpose,
  purposes,
  videoKeyId,
  wrapVideoKey,
} from '../../runtime/video-keys/keys.ts';
import { findPlace, type Place } from '../../runtime/viewer/location.ts';
import { driveHelp, driveOptions, ownerPassphrase, stringOption } from '../../runtime/viewer/options.ts';
import { readOwnerFile, withOwnerFile, writeOwnerFile } from './key-file.ts';
import { ownedCamera } from './owned-camera.ts';
import { kekOf, newKey, type OwnedCamera, type Owner, replaceCamera } from './owner.ts';

const help = `Usage: encrocam rotate-key --owner FILE --camera NAME --to PLACE [--purpose recordings|live] [OPTIONS]

Makes a new video key, keeps it in FILE, and leaves it, encrypted for the camera, on its drive. The camera finds it within minutes;
what it records from its next run on is for the new key. What was recorded before stays readable: FILE keeps all keys. Whoever
had the old key alone cannot open what comes.

      --owner FILE       your key file; its passphrase is asked for, or taken from ENCROCAM_OWNER_PASSPHRASE
      --camera NAME      what you called the camera at the pairing, or its address
      --to PLACE         the directory of any of the camera's lenses on the drive: ftps://USER@HOST/PATH (its password is asked
                         for, or taken from ENCROCAM_FTP_PASSWORD), or a directory on this computer
      --purpose WHICH    recordings (the default), or live: takes live video away from whom you gave the live key
${driveHelp}
Exit code: 0 it is on the drive; 1 it is not. A key that did not get there stays in FILE and does no harm: run this again.
`;

export const command: Command = {
  help,
  options: {
    ...driveOptions,
    owner: { type: 'string' },
    camera: { type: 'string' },
    to: { type: 'string' },
    purpose: { type: 'string' },
  },
  async run(args) {
    const [owner, camera, to] = ['owner', 'camera', 'to'].map((name) => stringOption(args, name));
    if (args.positionals.length > 0 || !owner || !camera || !to || to === '-') {
      throw usage('rotate-key needs --owner FILE, --camera NAME and --to PLACE.');
    }
    const purpose = purposeFrom(args);
    const file = path.resolve(owner);
    // Before a key is made: a wrong address or password is found out without one.
    const place = await findPlace(to, args);
    try {
      if (place.kind === 'drive') await place.storage.connect();
      const passphrase = await ownerPassphrase(owner);
      const { name, text, id } = await withOwnerFile(file, async () => {
        const made = newCommand(await readOwnerFile(file, passphrase), camera, purpose);
        await writeOwnerFile(file, passphrase, made.next);
        return made;
      });
      await put(place, name, text);
      process.stdout.write(
        `The new key for ${purpose} of ${printable(camera)} is ${id}. It is in ${printable(owner)}, and as ${name} on the drive.\n`,
      );
      return exitCode.whole;
    } finally {
      if (place.kind === 'drive') await place.storage.close();
    }
  },
};

/** A new key, what the owner has with it, and the command that brings it to the camera. */
export function newCommand(
  owner: Owner,
  wanted: string,
  purpose: Purpose,
  nowMs: number = Date.now(),
): { readonly next: Owner; readonly name: string; readonly text: string; readonly id: string } {
  const camera = ownedCamera(owner, wanted);
  // Counted together: commands are named by their counters.
  const counter = Math.max(0, ...camera.keys.map((key) => key.counter)) + 1;
  const key = newKey(purpose, counter, nowMs);
  const changed: OwnedCamera = { ...camera, keys: [...camera.keys, key] };
  const address = fromHex(camera.address, addressBytes);
  const wrapped = wrapVideoKey(kekOf(owner, camera), key);
  return {
    next: replaceCamera(owner, camera, changed),
    name: commandFileName(counter),
    text: encodeCommand({ ...(address ? { camera: address } : {}), wrapped }),
    id: videoKeyId(key.key).toString('hex'),
  };
}

function purposeFrom(args: CommandArguments): Purpose {
  const given = stringOption(args, 'purpose') ?? 'recordings';
  const purpose = purposes.find((one) => one === given);
  if (!purpose) throw usage(`--purpose is recordings or live, not ${printable(given)}.`);
  return purpose;
}

/** Under its name it is whole, where the place can rename. */
async function put(place: Place, name: string, text: string): Promise<void> {
  switch (place.kind) {
    case 'drive':
      return putOnDrive(place.storage, place.path, name, Buffer.from(text));
    case 'local':
      return putLocally(place.path, name, text);
    case 'stdin':
      throw usage('--to needs a place.');
  }
}

async function putOnDrive(
  storage: Storage,
  directory: DrivePath,
  name: string,
  bytes: Buffer,
): Promise<void> {
  const [target, temporary] = [drivePath(directory, name), drivePath(directory, `${name}.part`)];
  if ((await storage.size(target)) !== undefined) throw exists(name);
  try {
    await storage.remove(temporary);
    await append(storage, temporary, bytes);
    await storage.rename(temporary, target);
  } catch (error) {
    if (!isEncroCamError(error, 'STORAGE_REFUSED')) throw error;
    // It can only be added to. The camera passes over half a command, and takes the whole one.
    await storage.connect();
    await append(storage, target, bytes);
  }
}

async function append(storage: Storage, file: DrivePath, bytes: Buffer): Promise<void> {
  const appender = await storage.append(file);
  await appender.write(bytes);
  await appender.finish();
}

async function putLocally(directory: string, name: string, text: string): Promise<void> {
  const [target, temporary] = [path.join(directory, name), path.join(directory, `${name}.part`)];
  try {
    if (await isThere(target)) throw exists(name);
    // Not the owner's alone: the camera reads it as another user.
    const handle = await open(temporary, 'w', 0o644);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    if (error instanceof EncroCamError) throw error;
    throw new EncroCamError(
      'INPUT_UNREADABLE',
      `Cannot write to ${printable(directory)}: ${messageOf(error)}.`,
      {
        hint: "Give the camera's directory on the drive.",
        cause: error,
      },
    );
  }
}

async function isThere(file: string): Promise<boolean> {
  return open(file, 'r').then(
    async (handle) => {
      await handle.close();
      return true;
    },
    () => false,
  );
}

function exists(name: string): EncroCamError {
  return new EncroCamError('USAGE', `There is a ${name} already.`, {
    hint: 'Is this the newest copy of your key file? If it is, run this again: the next key has another number.',
  });
}

function usage(message: string): EncroCamError {
  return new EncroCamError('USAGE', message, { hint: 'See encrocam rotate-key --help.' });
}
