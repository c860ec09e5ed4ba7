/** Tries a camera and shows what it sees: a part of the question for cameras. */
import { EncroCamError } from '../../../runtime/errors.ts';
import type { CameraConfig } from '../../answers/types.ts';
import { drawPicture } from '../picture.ts';
import { bytesPerDay, readableBitRate, readableBytes } from '../retention.ts';
import { Cancelled } from '../signals.ts';
import { explain, type QuestionContext } from './question.ts';

/** Of the terminal, the picture leaves this much for text. */
const linesBesidePicture = 8;
const leastPictureRows = 6;
const maxPictureColumns = 72;

/** @returns `undefined` to ask for other settings. */
export async function tryCamera(
  { dialogue, machine }: QuestionContext,
  camera: CameraConfig,
): Promise<{ camera: CameraConfig; bytesPerSecond: number | undefined } | undefined> {
  const room = {
    columns: Math.min(maxPictureColumns, dialogue.columns - 2),
    rows: Math.max(leastPictureRows, dialogue.rows - linesBesidePicture),
  };
  for (;;) {
    let bytesPerSecond: number | undefined;
    try {
      const test = await dialogue.work('Recording a test', (work) => machine.testCamera(camera, room, work));
      bytesPerSecond = test.bytes / test.seconds;
      dialogue.show(drawPicture(test.picture, dialogue.colors));
      dialogue.say(
        `${test.width}x${test.height}, ${Math.round(test.frames / test.seconds)} pictures a second, ${test.encoder}: ` +
          `${readableBytes(test.bytes)} in ${Math.round(test.seconds)} s, ${readableBitRate(bytesPerSecond)}, ` +
          `about ${readableBytes(bytesPerDay(bytesPerSecond))} a day.`,
      );
    } catch (error) {
      if (error instanceof Cancelled) dialogue.say('Given up.');
      else if (error instanceof EncroCamError) dialogue.say(explain(error));
      else throw error;
    }
    const next = await dialogue.choose({
      message: bytesPerSecond === undefined ? 'What now?' : 'Is this right?',
      choices: [
        ...(bytesPerSecond === undefined ? [] : [{ value: 'take', label: 'yes' } as const]),
        { value: 'again', label: 'test again' },
        { value: 'change', label: 'change the settings' },
        ...(bytesPerSecond === undefined
          ? [{ value: 'take', label: 'take it as it is: recording begins as soon as it delivers' } as const]
          : []),
      ],
    });
    if (next === 'take') return { camera, bytesPerSecond };
    if (next === 'change') return undefined;
  }
}
