/** `encrocam live-key`: see the help text. */
import path from 'node:path';
import type { Command } from '../../runtime/commands.ts';
import { EncroCamError } from '../../runtime/errors.ts';
import { exitCode } from '../../runtime/exit-codes.ts';
import { ownerPassphrase, stringOption } from '../../runtime/viewer/options.ts';
import { readOwnerFile } from './key-file.ts';
import { ownedCamera } from './owned-camera.ts';
import { newestKey } from './owner.ts';

const help = `Usage: encrocam live-key --owner FILE --camera NAME

Prints the camera's live key. Whoever has it, and may read the drive, watches what is recorded now, and nothing of the past:
encrocam play --live-key KEY --signed-by CAMERA PLACE. It is taken away with: encrocam rotate-key --purpose live.

      --owner FILE       your key file; its passphrase is asked for, or taken from ENCROCAM_OWNER_PASSPHRASE
      --camera NAME      what you called the camera at the pairing, or its address
`;

export const command: Command = {
  help,
  options: { owner: { type: 'string' }, camera: { type: 'string' } },
  async run(args) {
    const [file, camera] = [stringOption(args, 'owner'), stringOption(args, 'camera')];
    if (args.positionals.length > 0 || !file || !camera) {
      throw new EncroCamError('USAGE', 'live-key needs --owner FILE and --camera NAME.', {
        hint: 'See encrocam live-key --help.',
      });
    }
    const owner = await readOwnerFile(path.resolve(file), await ownerPassphrase(file));
    const key = newestKey(ownedCamera(owner, camera), 'live');
    if (!key) {
      throw new EncroCamError('KEY_UNUSABLE', 'Your key file has no live key of this camera.', {
        hint: 'Make one with: encrocam rotate-key --purpose live',
      });
    }
    process.stdout.write(`${key.key.toString('hex')}\n`);
    return exitCode.whole;
  },
};
