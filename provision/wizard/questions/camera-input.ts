/** Which camera, and in which format: a part of the question for cameras. */
import type { CameraConfig } from '../../answers/types.ts';
import type { CameraMode, DetectedCamera } from '../machine.ts';
import { Back } from '../signals.ts';
import { checkSetting, type QuestionContext } from './question.ts';

type Input = CameraConfig['input'];

/** Longer lists help nobody. */
const maxModes = 12;
/** More pictures a second than a camera on the wall needs; fewer cost less room and work. */
const usualFrameRate = 15;
const testPicture: Input = { format: 'lavfi', device: 'testsrc2=size=640x360:rate=10' };

/** @param taken devices that other cameras have. */
export async function askInput(context: QuestionContext, taken: readonly string[]): Promise<Input> {
  const { dialogue, machine } = context;
  for (;;) {
    const found = await dialogue.work('Looking for cameras', () => machine.listCameras());
    const free = found.filter(({ device }) => !taken.includes(device));
    if (free.length === 0) dialogue.say('No camera was found. Plug one in and look again.');
    const which = await dialogue.choose({
      message: 'Camera',
      choices: [
        ...free.map(({ device, name }) => ({ value: device, label: `${device}: ${name}` })),
        { value: 'again', label: 'look again' },
        { value: 'network', label: 'a camera in the network (RTSP)' },
        { value: 'picture', label: 'a moving test picture, to try everything without a camera' },
      ],
    });
    if (which === 'again') continue;
    try {
      if (which === 'picture') return testPicture;
      if (which === 'network') return await askAddress(context);
      const camera = free.find(({ device }) => device === which);
      if (camera) return await askMode(context, camera);
    } catch (error) {
      // Esc in here leads to the list of cameras.
      if (!(error instanceof Back)) throw error;
    }
  }
}

async function askAddress({ dialogue }: QuestionContext): Promise<Input> {
  const device = await dialogue.ask({
    message: 'Address, beginning with rtsp://',
    validate: (value) =>
      /^rtsps?:\/\//.test(value)
        ? checkSetting('cameras', [{ name: 'a', input: { format: 'rtsp', device: value } }])
        : 'As in rtsp://192.0.2.7/stream',
  });
  return { format: 'rtsp', device };
}

async function askMode({ dialogue }: QuestionContext, camera: DetectedCamera): Promise<Input> {
  const base = { format: 'v4l2', device: camera.device } as const;
  const modes = bestModes(camera.modes);
  if (modes.length === 0) return base;
  const picked = await dialogue.choose({
    message: 'Resolution',
    choices: [
      ...modes.map((mode, index) => ({ value: String(index), label: labelOf(mode) })),
      { value: 'own', label: "the camera's own choice" },
    ],
    initial: String(Math.max(0, modes.findIndex(isUsual))),
  });
  const mode = modes[Number(picked)];
  if (!mode) return base;
  const input = { ...base, resolution: `${mode.width}x${mode.height}`, pixelFormat: mode.pixelFormat };
  const frameRate = await askFrameRate(dialogue, mode);
  return frameRate === undefined ? input : { ...input, frameRate };
}

async function askFrameRate(
  dialogue: QuestionContext['dialogue'],
  { frameRates }: CameraMode,
): Promise<number | undefined> {
  if (frameRates.length === 0) return undefined;
  if (frameRates.length === 1) return frameRates[0];
  // The least that is enough.
  const usual = frameRates.findLast((rate) => rate >= usualFrameRate) ?? frameRates[0];
  const picked = await dialogue.choose({
    message: 'Pictures a second',
    choices: frameRates.map((rate) => ({ value: String(rate), label: String(rate) })),
    initial: String(usual),
  });
  return Number(picked);
}

/**
 * The modes that are worth offering: of several formats for one size, the one that is best for encoding it anew.
 * Largest first.
 */
export function bestModes(modes: readonly CameraMode[]): CameraMode[] {
  const bySize = new Map<string, CameraMode>();
  for (const mode of modes) {
    const size = `${mode.width}x${mode.height}`;
    const other = bySize.get(size);
    if (!other || rank(mode) > rank(other)) bySize.set(size, mode);
  }
  return [...bySize.values()]
    .sort((a, b) => b.width * b.height - a.width * a.height || b.width - a.width)
    .slice(0, maxModes);
}

/** A rate that suffices goes first; then pictures that need no decoding; then those that are not H.264 already. */
function rank({ pixelFormat, frameRates }: CameraMode): number {
  const rate = frameRates[0] ?? usualFrameRate;
  const format = pixelFormat === 'mjpeg' ? 1 : pixelFormat === 'h264' ? 0 : 2;
  return (rate >= usualFrameRate ? 10 : 0) + format;
}

function isUsual({ width, height }: CameraMode): boolean {
  return width * height <= 1280 * 720;
}

function labelOf({ width, height, pixelFormat, frameRates }: CameraMode): string {
  const rates = frameRates.length > 0 ? `, up to ${frameRates[0]} a second` : '';
  return `${width}x${height} (${pixelFormat}${rates})`;
}
