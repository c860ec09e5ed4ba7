import { withoutCredentials } from '../../../runtime/recorder/ffmpeg.ts';
import type { CameraConfig, Cameras } from '../../answers/types.ts';
import { validatePartialAnswers } from '../../answers/validate.ts';
import { readableBitRate } from '../retention.ts';
import { Back } from '../signals.ts';
import { askInput } from './camera-input.ts';
import { tryCamera } from './camera-trial.ts';
import {
  type Change,
  checkSetting,
  describeSetting,
  type Question,
  type QuestionContext,
} from './question.ts';

const maxCameras = 16;

/** A camera that was tried, or taken without. */
interface TriedCamera {
  readonly camera: CameraConfig;
  /** `undefined` if it could not be measured. */
  readonly bytesPerSecond: number | undefined;
}

export const cameras: Question = {
  id: 'cameras',
  title: 'Camera',
  why:
    'What the camera sees is recorded for a few seconds to show that it works and how much room it takes. ' +
    'The test is not kept.',
  async ask(context) {
    const { dialogue, draft } = context;
    let tried: TriedCamera[] = [];
    const before = draft.answers.cameras;
    if (before && draft.answered.has('cameras')) {
      for (const camera of before) dialogue.say(`  ${describe(camera)}`);
      if (await dialogue.confirm({ message: 'Keep it as it is?', initial: true })) {
        // A camera from an answers file has not been measured yet.
        if (draft.facts.videoBytesPerSecond !== undefined) return {};
        for (const camera of before) {
          tried.push((await tryCamera(context, camera)) ?? { camera, bytesPerSecond: undefined });
        }
        return changeOf(tried);
      }
    }
    for (;;) {
      const camera = await askCamera(context, tried);
      if (camera) tried = [...tried, camera];
      if (tried.length === 0) continue;
      if (tried.length >= maxCameras) return changeOf(tried);
      const more = await dialogue.confirm({ message: 'Is there another camera?', initial: false });
      if (!more) return changeOf(tried);
    }
  },
  summary: ({ answers, facts }) => {
    const names = (answers.cameras ?? []).map(describe).join('; ');
    const rate = facts.videoBytesPerSecond;
    return rate === undefined ? names : `${names}; ${readableBitRate(rate)}`;
  },
};

async function askCamera(
  context: QuestionContext,
  others: readonly TriedCamera[],
): Promise<TriedCamera | undefined> {
  const { dialogue } = context;
  try {
    const input = await askInput(
      context,
      others.map(({ camera }) => camera.input.device),
    );
    dialogue.say(describeSetting('cameras.0.name', { cameras: [{}] }).replaceAll('`', ''));
    const names = others.map(({ camera }) => camera.name.toLowerCase());
    const name = await dialogue.ask({
      message: 'Name of the camera',
      initial: names.length === 0 ? 'camera' : `camera-${names.length + 1}`,
      validate: (value) =>
        names.includes(value.toLowerCase())
          ? 'Another camera has that name.'
          : checkSetting('cameras', [{ name: value, input }]),
    });
    return await tryCamera(context, complete({ name, input }));
  } catch (error) {
    // With a camera there already, Esc gives up this one only.
    if (error instanceof Back && others.length > 0) return undefined;
    throw error;
  }
}

/** With the schema's defaults. */
function complete(camera: { name: string; input: unknown }): CameraConfig {
  const { cameras } = validatePartialAnswers({ cameras: [camera] });
  if (!cameras) throw new TypeError('a camera that was given is gone');
  return cameras[0];
}

function changeOf(tried: readonly TriedCamera[]): Change {
  const [first, ...rest] = tried.map(({ camera }) => camera);
  if (!first) throw new TypeError('no camera');
  const list: Cameras = [first, ...rest];
  const rates = tried.map(({ bytesPerSecond }) => bytesPerSecond);
  const known = rates.filter((rate) => rate !== undefined);
  return {
    answers: { cameras: list },
    facts: {
      videoBytesPerSecond:
        known.length === rates.length ? known.reduce((sum, rate) => sum + rate, 0) : undefined,
    },
    reopens: ['retention'],
  };
}

function describe({ name, input }: CameraConfig): string {
  const mode = [
    input.resolution,
    input.frameRate === undefined ? undefined : `${input.frameRate} pictures a second`,
  ].filter((part) => part !== undefined);
  return `${name}: ${[withoutCredentials(input.device), ...mode].join(', ')}`;
}
