/**
 * Answers that are baked in: checked by the camera's own rules before they go on the card, so that a mistake is
 * told here and not by a silent camera. Their text goes nowhere but onto the boot partition.
 */
import { readFile } from 'node:fs/promises';
import { ImageError, messageOf } from '../errors.ts';
import type { Runner } from './run.ts';

export interface Answers {
  readonly text: string;
  /** What the check says about them: complete, or what the wizard will ask for. */
  readonly verdict: string;
}

export async function checkAnswers(repository: string, file: string, runner: Runner): Promise<Answers> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new ImageError('USAGE', `ANSWERS=${file} cannot be read: ${messageOf(cause)}.`, { cause });
  }
  try {
    const verdict = await runner.run([process.execPath, `${repository}/ci/check-answers.ts`, file]);
    return { text, verdict: verdict.trim() };
  } catch (cause) {
    throw new ImageError('USAGE', `ANSWERS=${file} is refused: ${messageOf(cause)}`, {
      cause,
      hint: 'All answers are described in docs/ref/answers.md.',
    });
  }
}
