/**
 * Checks a file with answers before `make image ANSWERS=FILE` puts it on a card, with the card's own rules. Answers
 * may be missing: the wizard asks for them. Exit code 1 and the problems on standard error if any is wrong.
 */
import { readFile } from 'node:fs/promises';
import { missingAnswers, validatePartialAnswers } from '../provision/answers/validate.ts';
import { isEncroCamError, messageOf } from '../runtime/errors.ts';

const [file] = process.argv.slice(2);
try {
  if (file === undefined) throw new Error('usage: check-answers FILE');
  const missing = missingAnswers(validatePartialAnswers(JSON.parse(await readFile(file, 'utf8')), file));
  console.log(missing.length === 0 ? 'complete' : `the wizard will ask for: ${missing.join(', ')}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : messageOf(error));
  if (isEncroCamError(error) && error.hint) console.error(error.hint);
  process.exitCode = 1;
}
