/** What real ffmpeg makes of synthetic scenes, through the recorder's own arguments: which sensitivity sees what. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import type { Camera } from '../../runtime/config/load.ts';
import type { MotionConfig } from '../../runtime/config/types.ts';
import { type FfmpegChoices, ffmpegArguments } from '../../runtime/recorder/ffmpeg.ts';
import { ffmpegStarter } from '../../runtime/recorder/ffmpeg-process.ts';
import { type MotionMark, MotionTracker } from '../../runtime/recorder/motion.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'encrocam-motion-'));
after(() => rmSync(scratch, { recursive: true }));

const size = 'size=1280x720:rate=10';
const room = `testsrc2=${size},trim=end_frame=1,loop=-1:1,setpts=N/10/TB,lutyuv=y='val/2+40',trim=duration=8`;
const dark = `color=c=0x202020:${size}:duration=8`;
/** Of a video sensor: uncorrelated, and other in each picture. */
const noise = (strength: number): string => `noise=alls=${strength}:allf=t`;
/** Something that crosses the picture. */
const crossing = (background: string, box: string, speed: number, rest = '', colour = 'black'): string =>
  `${background}[b];color=c=${colour}:size=${box}:rate=10[x];[b][x]overlay=x='100+${speed}*t':y=300:shortest=1${rest}`;

const scenes = {
  static: room,
  'noise by day': `${room},${noise(20)}`,
  'noise by night': `${dark},${noise(30)}`,
  'much noise': `${room},${noise(40)}`,
  'slow light': `${room},fade=in:st=0:d=16`,
  lamp: `${room},eq=brightness='0.2*gt(t,4)':eval=frame`,
  'large box': crossing(room, '400x600', 300),
  person: crossing(room, '40x80', 80),
  'person in noise': crossing(`${room},${noise(20)}`, '40x80', 80),
  'faint person by night': crossing(dark, '40x80', 80, `,${noise(30)}`, '0x383838'),
  bird: crossing(room, '10x20', 60),
} as const;

function camera(device: string, motion: Partial<MotionConfig>, more: Partial<Camera> = {}): Camera {
  return {
    name: 'front',
    input: { format: 'lavfi', device },
    encoder: { name: 'libx264', preset: 'ultrafast', keyFrameIntervalSeconds: 2 },
    burnInTime: false,
    encryptIntervalMs: 125,
    stallTimeoutSeconds: 10,
    localDirectory: scratch,
    driveDirectory: 'front',
    motion: { sensitivity: 50, holdSeconds: 1, cooldownSeconds: 60, commandTimeoutSeconds: 30, ...motion },
    ...more,
  };
}

async function marksOf(watched: Camera, choices: Partial<FfmpegChoices> = {}): Promise<MotionMark[]> {
  const args = ffmpegArguments(watched, {
    ...{ encoder: 'libx264', fontFile: undefined, needsPacing: false },
    ...choices,
  });
  const source = ffmpegStarter('ffmpeg')(args);
  assert.ok(source.motion && watched.motion);
  const [printed, video, words, end] = await Promise.all([
    text(source.motion),
    buffer(source.stdout),
    text(source.stderr),
    source.ended,
  ]);
  assert.equal(end.code, 0, words);
  assert.ok(video.length > 10_000, 'the video comes all the same');
  const tracker = new MotionTracker(watched.motion);
  let timeMs = 0;
  const marks = printed.split('\n').flatMap((line) => {
    // It ran faster than the camera would: its own time is what counts here.
    const seconds = /pts_time:([\d.]+)/.exec(line)?.[1];
    if (seconds !== undefined) timeMs = Number(seconds) * 1000;
    return tracker.push(`${line}\n`, timeMs);
  });
  return [...marks, ...tracker.finish(timeMs)];
}

async function sees(scene: keyof typeof scenes, motion: Partial<MotionConfig>): Promise<boolean> {
  return (await marksOf(camera(scenes[scene], motion))).length > 0;
}

describe('which sensitivity sees what', () => {
  const cases: [scene: keyof typeof scenes, unseen: number[], seen: number[]][] = [
    ['static', [100], []],
    ['noise by day', [100], []],
    ['noise by night', [75], [100]],
    ['much noise', [50], [100]],
    ['slow light', [100], []],
    ['lamp', [100], []],
    ['large box', [], [1]],
    ['person', [25], [50]],
    ['person in noise', [25], [50]],
    ['faint person by night', [50], [65]],
    ['bird', [50], [85]],
  ];
  for (const [scene, unseen, seen] of cases) {
    test(`${scene}: ${[...unseen.map((value) => `not ${value}`), ...seen].join(', ')}`, async () => {
      for (const sensitivity of unseen)
        assert.equal(await sees(scene, { sensitivity }), false, `${sensitivity}`);
      for (const sensitivity of seen)
        assert.equal(await sees(scene, { sensitivity }), true, `${sensitivity}`);
    });
  }
});

test('what moves outside of all zones is not seen, and what moves in one is told by its name', async () => {
  const zones: MotionConfig['zones'] = [
    { name: 'above', x: 0, y: 0, width: 100, height: 35 },
    { name: 'left', x: 0, y: 40, width: 50, height: 20 },
  ];
  const marks = await marksOf(camera(scenes.person, { sensitivity: 80, zones }));
  assert.deepEqual(
    marks.map(({ kind, zone }) => [kind, zone]),
    [
      ['begins', 'left'],
      ['ends', 'left'],
    ],
  );
  assert.equal(await sees('person', { sensitivity: 80, zones: [zones[0]] }), false);
});

test('a stream that is copied is watched as well, and stays as it was', async () => {
  const file = path.join(scratch, 'camera.mp4');
  execFileSync('ffmpeg', [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error', '-f', 'lavfi', '-i', scenes.person],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', file],
  ]);
  const watched = camera(file, {}, { input: { format: 'mp4', device: file } });
  assert.equal((await marksOf(watched, { encoder: 'copy' }))[0]?.kind, 'begins');
});
