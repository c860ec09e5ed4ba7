/** What `decrypt` and `play` have in common on the command line. */
import path from 'node:path';
import type { Key } from 'openpgp';
import type { CommandArguments } from '../commands.ts';
import { EncroCamError } from '../errors.ts';
import { printable } from '../log.ts';
import { askSecret } from '../pgp/ask-secret.ts';
import type { MessageDecrypter } from '../pgp/decrypter.ts';
import { cachingOpener, createKeyOpener } from '../pgp/open.ts';
import type { SharedWatch } from '../sharing/watch-share.ts';
import { fromHex } from '../video-keys/hex.ts';
import { type Purpose, videoKeyBytes } from '../video-keys/keys.ts';
import type { LiveNodes } from './live-nodes.ts';
import type { RunKeySource } from './run-keys.ts';
import type { RunTrust } from './run-trust.ts';
import type { TimeRange } from './time.ts';
import type { WatchKeys } from './watch.ts';

export const keyOptions = {
  'signed-by': { type: 'string' },
  key: { type: 'string' },
  owner: { type: 'string' },
  unsigned: { type: 'boolean' },
} as const;

export const shareOptions = { share: { type: 'string' } } as const;

export const rangeOptions = { from: { type: 'string' }, to: { type: 'string' } } as const;

export const driveOptions = {
  config: { type: 'string', short: 'c' },
  ca: { type: 'string' },
  'tls-fingerprint': { type: 'string' },
} as const;

/** Help for {@link driveOptions}. */
export const driveHelp = `  -c, --config FILE      take the drive's password and certificate from this configuration
  --ca FILE              certificate authority of the drive (PEM)
  --tls-fingerprint HEX  SHA-256 fingerprint of the drive's own certificate
`;

/** Help for all options above. */
export const sharedHelp = `  --signed-by KEY        the camera's fingerprint (its public key is then in your gpg), or a file with
                         its public key. Nothing that it did not sign is put out.
  --unsigned             put out what was recorded while the camera was locked and nobody has signed
                         since, too; it may be anybody's. The exit code stays 3.
  --key FILE             your secret key, in a file; without it your gpg decrypts, smart cards included.
                         Its passphrase is asked for, or taken from ENCROCAM_PASSPHRASE.
  --owner FILE           the key file of an owner without OpenPGP, for cameras that were paired: its passphrase is
                         asked for, or taken from ENCROCAM_OWNER_PASSPHRASE. With --key, either opens
  --share FILE           watch what somebody shared with you: FILE, or a link. Your key opens FILE
  --from TIME            begin here: 2026-11-22T13:00 (local), 2026-11-22T12:00Z, or -10m (s, m, h, d)
  --to TIME              end before this time
${driveHelp}`;

/** The value of a string option, or `undefined`. */
export function stringOption(args: CommandArguments, name: string): string | undefined {
  const value = args.values[name];
  return typeof value === 'string' ? value : undefined;
}

/** @throws {EncroCamError} `USAGE`, and whatever reading the keys throws. */
export async function watchKeysFrom(args: CommandArguments): Promise<WatchKeys> {
  const trusted = await trustedFrom(args);
  const { decrypter, runs } = await ownerKeysFrom(args);
  return {
    opener: decrypter ? cachingOpener(createKeyOpener(decrypter, trusted)) : { open: refuseVersion2 },
    runs,
    trust: await trustIn(trusted, args),
  };
}

/**
 * What opens live video alone: `--live-key`, or the live keys in the owner's key file.
 * @throws {EncroCamError} `USAGE`, and whatever reading the keys throws.
 */
export async function liveKeysFrom(
  args: CommandArguments,
): Promise<{ readonly nodes: LiveNodes; readonly keys: WatchKeys }> {
  const trusted = await trustedFrom(args);
  const { LiveNodes } = await import('./live-nodes.ts');
  const nodes = new LiveNodes(await liveKeys(args));
  return {
    nodes,
    keys: { opener: { open: refuseVersion2 }, runs: nodes, trust: await trustIn(trusted, args) },
  };
}

async function liveKeys(args: CommandArguments): Promise<Buffer[]> {
  const [text, file] = [stringOption(args, 'live-key'), stringOption(args, 'owner')];
  if (text === undefined && file !== undefined) return ownedKeys(file, 'live');
  const key =
    text === undefined ? undefined : fromHex(text.startsWith('0x') ? text : `0x${text}`, videoKeyBytes);
  if (key) return [key];
  throw new EncroCamError(
    'USAGE',
    text === undefined ? '--live needs a live key.' : '--live-key is no key.',
    {
      hint: 'Give --owner FILE, or --live-key with the 64 digits that encrocam live-key has printed.',
    },
  );
}

async function trustIn(trusted: Key, args: CommandArguments): Promise<RunTrust> {
  const { cameraTrust, withUnsigned } = await import('./run-trust.ts');
  const trust = cameraTrust(trusted);
  return args.values.unsigned === true ? withUnsigned(trust) : trust;
}

/**
 * What opens runs for their owner: `--owner`, `--key`, both, or gpg. `decrypter` is missing with `--owner` alone.
 * @throws {EncroCamError} `KEY_UNREADABLE`, `KEY_LOCKED`, `OWNER_FILE_UNREADABLE`
 */
export async function ownerKeysFrom(
  args: CommandArguments,
): Promise<{ readonly decrypter?: MessageDecrypter; readonly runs: RunKeySource }> {
  const { ownerRunKeys } = await import('./run-keys.ts');
  const file = stringOption(args, 'owner');
  if (file === undefined) {
    const decrypter = await decrypterFrom(args);
    return { decrypter, runs: ownerRunKeys(decrypter) };
  }
  const { firstOf, videoRunKeys } = await import('./video-run-keys.ts');
  const runs = videoRunKeys(await ownedKeys(file, 'recordings'));
  if (stringOption(args, 'key') === undefined) return { runs };
  const decrypter = await decrypterFrom(args);
  return { decrypter, runs: firstOf(runs, ownerRunKeys(decrypter)) };
}

/** All that were ever made for a purpose, of all cameras. */
async function ownedKeys(file: string, purpose: Purpose): Promise<Buffer[]> {
  const { readOwnerFile } = await import('../../ledger/owner/key-file.ts');
  const { cameras } = await readOwnerFile(path.resolve(file), await ownerPassphrase(file));
  return cameras.flatMap(({ keys }) => keys.filter((one) => one.purpose === purpose).map(({ key }) => key));
}

/** @throws {EncroCamError} `KEY_LOCKED` if there is nobody to ask. */
export function ownerPassphrase(file: string): Promise<string> {
  return askSecret(`Passphrase of ${printable(file)}: `, {
    variable: 'ENCROCAM_OWNER_PASSPHRASE',
    code: 'KEY_LOCKED',
  });
}

async function refuseVersion2(): Promise<never> {
  throw new EncroCamError('DECRYPTION_FAILED', 'A recording of EncroCrypt2 is for OpenPGP keys alone.', {
    hint: 'Give the OpenPGP key: --key FILE, or leave --owner out.',
  });
}

/**
 * What `--share` brings along, or `undefined` without it.
 * @param asked `--from` and `--to`.
 * @throws {EncroCamError} `USAGE`, and whatever reading a share throws.
 */
export async function shareFrom(args: CommandArguments, asked: TimeRange): Promise<SharedWatch | undefined> {
  const share = stringOption(args, 'share');
  if (share === undefined) return undefined;
  if (args.values.follow === true) {
    throw new EncroCamError('USAGE', '--share and --follow do not go together: a share has an end.', {
      hint: 'Leave --follow out.',
    });
  }
  const { watchShare } = await import('../sharing/watch-share.ts');
  return watchShare(share, args, asked);
}

/**
 * The camera's public key, from `--signed-by`.
 * @throws {EncroCamError} `USAGE`, `SIGNER_UNKNOWN`, `KEY_UNREADABLE`
 */
export async function trustedFrom(args: CommandArguments): Promise<Key> {
  const signedBy = stringOption(args, 'signed-by');
  if (signedBy === undefined || signedBy === '') {
    throw new EncroCamError('USAGE', 'Say whose recording this must be: --signed-by is missing.', {
      hint: "Give the camera's fingerprint or its public key: --signed-by camera.public.asc",
    });
  }
  const { findTrustedSigner } = await import('../pgp/trusted-signer.ts');
  return findTrustedSigner(signedBy);
}

/**
 * What decrypts with the secret key of whoever runs this: `--key`, or gpg.
 * @throws {EncroCamError} `KEY_UNREADABLE`, `KEY_LOCKED`
 */
export async function decrypterFrom(args: CommandArguments): Promise<MessageDecrypter> {
  const keyFile = stringOption(args, 'key');
  if (keyFile === undefined) {
    const { gpgDecrypter } = await import('../pgp/gpg-decrypter.ts');
    return gpgDecrypter();
  }
  const { keyFileDecrypter } = await import('../pgp/key-file-decrypter.ts');
  return keyFileDecrypter(path.resolve(keyFile), (prompt) =>
    askSecret(prompt, { variable: 'ENCROCAM_PASSPHRASE', code: 'KEY_LOCKED' }),
  );
}
