/**
 * What a pairing tells the camera besides its owner: answers of the wizard, from a file and from options. Checked here, so that a
 * mistake shows on the owner's screen and not on a camera without one.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { JsonObject } from '../../ledger/pairing/message.ts';
import { EncroCamError, messageOf } from '../../runtime/errors.ts';
import { printable } from '../../runtime/log.ts';
import { fingerprintOf, parsePublicKeys } from '../../runtime/pgp/keys.ts';
import type { OwnerKey } from '../answers/types.ts';
import { validatePartialAnswers } from '../answers/validate.ts';
import { placeOfMistake } from '../json-place.ts';

export interface AnswerOptions {
  /** The answers file. */
  readonly file?: string | undefined;
  /** A key file, an https address, or a mail address. */
  readonly openpgp?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly wifi?: { ssid: string; country: string; passphrase?: string } | undefined;
  /** Whether the passphrase of the disk goes with them. */
  readonly withPassphrase: boolean;
}

export interface PairingAnswers {
  /** `undefined` if there is nothing to tell. */
  readonly answers: JsonObject | undefined;
  /** What was left out or changed, for people; no secret is part of it. */
  readonly notes: readonly string[];
}

const maxFileBytes = 64 * 1024;
const maxKeyBytes = 1024 * 1024;

/** @throws {EncroCamError} `CONFIG_INVALID`, `CONFIG_UNREADABLE`, `KEY_UNREADABLE`, `USAGE` */
export async function pairingAnswers(options: AnswerOptions): Promise<PairingAnswers> {
  const notes: string[] = [];
  const answers = options.file === undefined ? {} : await readAnswers(options.file);
  // For editors alone.
  delete answers.$schema;
  if (options.wifi) answers.network = { ...(answers.network as object), wifi: options.wifi };
  if (options.openpgp !== undefined) {
    answers.owner = { keys: [await ownerKey(options.openpgp, options.fingerprint)] };
  }
  const source = options.file === undefined ? 'What was answered' : printable(options.file);
  // Before the passphrase goes, and before its place is known to be wrong: what is told is what stands in the file.
  const checked = validatePartialAnswers(answers, source);
  if (answers.unlocking !== undefined && !options.withPassphrase) {
    delete answers.unlocking;
    notes.push(
      'The passphrase, and how the camera is unlocked, is not in the codes: it asks. (--with-passphrase puts it in.)',
    );
  }
  if (checked.owner) answers.owner = { keys: await withoutFiles(checked.owner.keys, options.file, notes) };
  // The defaults that the check filled in are the camera's to fill in: they would only make more codes.
  return { answers: Object.keys(answers).length === 0 ? undefined : (answers as JsonObject), notes };
}

async function readAnswers(file: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).replace(/^\ufeff/, '');
  } catch (error) {
    throw new EncroCamError('CONFIG_UNREADABLE', `Cannot read ${printable(file)}: ${messageOf(error)}.`, {
      hint: 'docs/ref/answers.md says what is in it.',
      cause: error,
    });
  }
  if (text.length > maxFileBytes) throw invalid(file, 'it is too large for codes');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message may quote a password.
    throw invalid(file, `it is not JSON: look at ${placeOfMistake(text)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(file, 'it is no JSON object');
  }
  return value as Record<string, unknown>;
}

function invalid(file: string, reason: string): EncroCamError {
  return new EncroCamError('CONFIG_INVALID', `Cannot take the answers in ${printable(file)}: ${reason}.`, {
    hint: 'docs/ref/answers.md says what is in it.',
  });
}

async function ownerKey(from: string, fingerprint: string | undefined): Promise<OwnerKey> {
  const isUrl = from.startsWith('https://');
  if (!isUrl && !/^[^@/\s]+@[^@/\s]+$/.test(from)) {
    return {
      from: 'text',
      armored: await armoredKey(from),
      ...(fingerprint === undefined ? {} : { fingerprint }),
    };
  }
  if (fingerprint === undefined) {
    throw new EncroCamError('USAGE', 'A key that the camera fetches needs --fingerprint.', {
      hint: 'Whoever controls the server could give it another key otherwise.',
    });
  }
  return isUrl ? { from: 'url', url: from, fingerprint } : { from: 'wkd', address: from, fingerprint };
}

/** There is no boot partition where the codes are read: the keys go into them. */
async function withoutFiles(
  keys: readonly OwnerKey[],
  answersFile: string | undefined,
  notes: string[],
): Promise<OwnerKey[]> {
  return Promise.all(
    keys.map(async (key) => {
      if (key.from !== 'file') return key;
      const armored = await armoredKey(path.join(path.dirname(answersFile ?? '.'), key.file));
      notes.push(`The key in ${printable(key.file)} is in the codes (${armored.length} characters).`);
      return {
        from: 'text',
        armored,
        ...(key.fingerprint === undefined ? {} : { fingerprint: key.fingerprint }),
      };
    }),
  );
}

/** The one public key in a file, armored. Certifications by others stay out: they are most of many keys. */
async function armoredKey(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
    if (bytes.length > maxKeyBytes) throw new Error('it is too large for a key');
  } catch (error) {
    throw new EncroCamError('KEY_UNREADABLE', `Cannot read ${printable(file)}: ${messageOf(error)}.`, {
      hint: 'Give a file with a public key, an https:// address, or a mail address.',
      cause: error,
    });
  }
  const [key, another] = await parsePublicKeys(bytes, file);
  if (!key || another) {
    throw new EncroCamError('KEY_UNREADABLE', `${printable(file)} holds more than one key.`, {
      hint: 'Export the one: gpg --export --armor FINGERPRINT',
    });
  }
  for (const user of key.users) user.otherCertifications = [];
  const armored = key.armor();
  const [again] = await parsePublicKeys(Buffer.from(armored), file);
  if (!again || fingerprintOf(again) !== fingerprintOf(key)) throw new Error('the key changed on its way');
  return armored;
}
