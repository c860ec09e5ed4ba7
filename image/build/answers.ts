/**
 * Answers that are baked in: checked by the camera's own program before they go on the card, so that a mistake is
 * told here and not by a silent camera.
 */
import { readFile } from 'node:fs/promises';
import { ImageError, messageOf } from '../errors.ts';
import type { Runner } from './run.ts';

export async function checkAnswers(repository: string, file: string, runner: Runner): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new ImageError('USAGE', `ANSWERS=${file} cannot be read: ${messageOf(cause)}.`, { cause });
  }
  const output = await runner.run([`${repository}/bin/encrocam`, 'answers', '--check', file], {
    accept: [0, 1],
  });
  runner.note(output);
  return text;
}
