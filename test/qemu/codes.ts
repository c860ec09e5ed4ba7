/**
 * Codes before the camera of a machine: pictures of them are written to the output that its camera is looped to
 * (`vivid`), each for long enough to be seen, over and over.
 */
import { gzipSync } from 'node:zlib';
import { pictureOfCode } from '../support/pairing.ts';
import type { Machine } from './machine.ts';

/** PAL's, which the input has when nobody says otherwise. */
const size = { width: 720, height: 576 } as const;
const camera = '/dev/video0';
const output = '/dev/video1';
const unit = 'test-codes';
const directory = '/run/test-codes';
const neutral = 128;

/** Connects the camera's first input with the output. The text that the driver draws over it would hide a code. */
export async function loopCamera(machine: Machine): Promise<void> {
  await machine.agent.until(`test -e ${camera} && test -e ${output}`);
  await machine.agent.run(`v4l2-ctl -d ${camera} --set-ctrl s_video_000_0_is_connected_to=2,osd_text_mode=2`);
}

/** Shows the codes until {@link putAway}. */
export async function showCodes(machine: Machine, texts: readonly string[]): Promise<void> {
  await putAway(machine);
  await machine.agent.run(`rm -rf ${directory} && mkdir ${directory}`);
  for (const [index, text] of texts.entries()) {
    const { pixels } = await pictureOfCode(text, { ...size, isQuiet: true });
    const name = `${directory}/${String(index).padStart(2, '0')}`;
    const packed = gzipSync(yuyv(pixels)).toString('base64');
    await machine.agent.run(`echo ${packed} | base64 -d | gzip -d >${name}`);
  }
  const { width, height } = size;
  await machine.agent.run(
    `v4l2-ctl -d ${output} --set-fmt-video-out=width=${width},height=${height},pixelformat=YUYV`,
  );
  const feed = `while :; do for code in ${directory}/*; do cat $code; sleep 0.7; done; done`;
  const loop = `${feed} | v4l2-ctl -d ${output} --stream-out-mmap=3 --stream-from=-`;
  await machine.agent.run(`systemd-run --quiet --unit=${unit} sh -c '${loop}'`);
}

export async function putAway(machine: Machine): Promise<void> {
  await machine.agent.run(`systemctl stop ${unit}.service 2>/dev/null || true`);
}

/** What the camera is for: its second input, which sees the world. */
export async function turnToTheWorld(machine: Machine): Promise<void> {
  await putAway(machine);
  await machine.agent.until(`v4l2-ctl -d ${camera} --set-input 1`);
}

function yuyv(gray: Uint8Array): Buffer {
  const packed = Buffer.alloc(2 * gray.length, neutral);
  for (const [at, value] of gray.entries()) packed[2 * at] = value;
  return packed;
}
