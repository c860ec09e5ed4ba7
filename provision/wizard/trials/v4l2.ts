/** Reads what `v4l2-ctl` says about a device. Pure. */
import type { CameraMode } from '../machine.ts';

/** ffmpeg's names for the formats that cameras have (`ffmpeg -f v4l2 -list_formats all`). */
const pixelFormats: Readonly<Record<string, string>> = {
  YUYV: 'yuyv422',
  UYVY: 'uyvy422',
  YU12: 'yuv420p',
  NV12: 'nv12',
  MJPG: 'mjpeg',
  JPEG: 'mjpeg',
  H264: 'h264',
  RGB3: 'rgb24',
  BGR3: 'bgr24',
  GREY: 'gray',
};

/** The name of the device, if pictures can be captured from it; `undefined` for codecs, outputs and metadata. */
export function captureName(info: string): string | undefined {
  const device = /^\s*Device Caps\s*:.*\n((?:\s+\S.*\n?)*)/m.exec(info)?.[1] ?? info;
  const capabilities = device.split('\n').map((line) => line.trim());
  const captures = capabilities.some((line) => /^Video Capture(?: Multiplanar)?$/.test(line));
  if (!captures || capabilities.some((line) => line.includes('Memory-to-Memory'))) return undefined;
  return /^\s*Card type\s*:\s*(.+?)\s*$/m.exec(info)?.[1] ?? 'camera';
}

/** The modes in the output of `v4l2-ctl --list-formats-ext`, in a form that ffmpeg can be asked for. */
export function parseModes(text: string): CameraMode[] {
  const modes: { pixelFormat: string; width: number; height: number; frameRates: number[] }[] = [];
  let pixelFormat: string | undefined;
  for (const line of text.split('\n')) {
    const format = /^\s*\[\d+\]:\s*'(.{4})'/.exec(line)?.[1];
    if (format !== undefined) {
      pixelFormat = pixelFormats[format.trim().toUpperCase()];
      continue;
    }
    if (pixelFormat === undefined) continue;
    const size = /^\s*Size: Discrete (\d+)x(\d+)/.exec(line);
    const range = /^\s*Size: (?:Stepwise|Continuous) \d+x\d+ - (\d+)x(\d+)/.exec(line);
    if (size) {
      modes.push({ pixelFormat, width: Number(size[1]), height: Number(size[2]), frameRates: [] });
    } else if (range) {
      modes.push(...sizesWithin(Number(range[1]), Number(range[2]), pixelFormat));
    }
    const rate = /^\s*Interval: Discrete .*\(([\d.]+) fps\)/.exec(line)?.[1];
    const last = modes.at(-1);
    if (rate !== undefined && last && !last.frameRates.includes(Number(rate)))
      last.frameRates.push(Number(rate));
  }
  for (const mode of modes) mode.frameRates.sort((a, b) => b - a);
  return modes;
}

/** Sizes that are common, from a camera that takes any up to a largest one. */
function sizesWithin(
  width: number,
  height: number,
  pixelFormat: string,
): { pixelFormat: string; width: number; height: number; frameRates: number[] }[] {
  const common = [
    [1920, 1080],
    [1280, 720],
    [640, 480],
    [640, 360],
    [320, 240],
  ] as const;
  return common
    .filter(([w, h]) => w <= width && h <= height)
    .map(([w, h]) => ({ pixelFormat, width: w, height: h, frameRates: [] }));
}
