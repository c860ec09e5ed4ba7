/**
 * The arguments with which ffmpeg turns a camera into MPEG-TS or fragmented MP4 on its standard output. Pure: whether the device is
 * a file, which encoder works and where a font lies is found out elsewhere.
 */
import type { Camera } from '../config/load.ts';
import type { EncoderName } from '../config/types.ts';
import type { Container } from '../encrocrypt/v3/index.ts';
import { motionFilters } from './motion-filter.ts';
import { besideSoundArguments, soundInputArguments, soundOutputArguments } from './sound.ts';

export { withoutCredentials } from './credentials.ts';

/** An encoder that was decided on: `auto` is none. */
export type ChosenEncoder = Exclude<EncoderName, 'auto'>;

export interface FfmpegChoices {
  readonly encoder: ChosenEncoder;
  /** For the burnt-in time; not needed without it. */
  readonly fontFile: string | undefined;
  /** Whether the input would be read as fast as it can be: a file, or a test picture. */
  readonly needsPacing: boolean;
  /** Default: MPEG-TS. */
  readonly container?: Container;
  /** Where in the recording this run of ffmpeg begins, milliseconds since the slot's start. */
  readonly beginsAtMs?: number;
  /** The sound that is configured is left out, because its microphone fails. */
  readonly withoutSound?: boolean;
}

/** Input formats that take a frame rate; elsewhere a filter does it. */
const takesFrameRate = new Set([
  'v4l2',
  'x11grab',
  'fbdev',
  'kmsgrab',
  'rawvideo',
  'h264',
  'hevc',
  'mjpeg',
  'image2',
]);
/** Input formats that take a picture size; elsewhere a filter does it. */
const takesVideoSize = new Set(['v4l2', 'x11grab', 'rawvideo']);

/** Tables of contents once a second instead of ten times: 27 kbit/s less, and playback joins within a second. */
const tableIntervalSeconds = 1;
/** x264 counts frames between key frames, but the time is what is asked for: never by count. */
const neverByCount = 1_000_000;

export function ffmpegArguments(camera: Camera, choices: FfmpegChoices): string[] {
  const { audio } = camera;
  const hasSound = audio !== undefined && choices.withoutSound !== true;
  return [
    '-hide_banner',
    // Standard input is no terminal, and none of ours: without this, ffmpeg takes keys from it.
    '-nostdin',
    '-nostats',
    '-loglevel',
    'warning',
    ...(hasSound ? besideSoundArguments(camera) : []),
    ...inputArguments(camera, choices),
    ...(hasSound ? soundInputArguments(camera) : []),
    // What is configured and nothing else: whatever else a source holds would change what a recording is.
    ...pictureArguments(camera, choices),
    ...(choices.encoder === 'copy' ? ['-c:v', 'copy'] : encoderArguments(camera, choices.encoder)),
    ...(hasSound ? soundOutputArguments(audio) : []),
    ...(choices.container === 'video/mp4' ? fragmentArguments(camera) : transportArguments(choices)),
    // Each picture leaves ffmpeg as soon as it is encoded.
    '-flush_packets',
    '1',
    'pipe:1',
    ...watchingArguments(camera, choices),
  ];
}

/**
 * A fragment for each packet, and one at each key frame. The same stream gives the same initialisation each time, so that a
 * recording can go on behind it: it waits for the first picture (a copied stream has its parameters nowhere else), and has
 * neither an edit list nor a bit rate, which would be those of the first fragment. Its times begin with 0 whatever it is told.
 */
function fragmentArguments(camera: Camera): string[] {
  return [
    ...['-f', 'mp4', '-movflags', '+frag_keyframe+delay_moov+default_base_moof'],
    ...['-use_editlist', '0', '-write_btrt', '0'],
    ...['-frag_duration', String(camera.encryptIntervalMs * 1000)],
  ];
}

function transportArguments(choices: FfmpegChoices): string[] {
  return [
    // Timestamps go on where the recording is, so that a restart is a gap and no leap back for a player.
    ...['-output_ts_offset', timestampSeconds(choices.beginsAtMs ?? 0)],
    ...['-f', 'mpegts', '-muxdelay', '0', '-muxpreload', '0'],
    ...['-pat_period', String(tableIntervalSeconds), '-sdt_period', String(10 * tableIntervalSeconds)],
  ];
}

/** Which pictures go into the output, through which filters, and what watches them for motion beside that. */
function pictureArguments(camera: Camera, choices: FfmpegChoices): string[] {
  const { motion } = camera;
  if (choices.encoder === 'copy') {
    const graph =
      motion === undefined ? [] : ['-filter_complex', motionFilters(motion, '[0:v:0]', '[watched]')];
    return [...graph, '-map', '0:v:0'];
  }
  const filters = videoFilters(camera, choices);
  if (motion === undefined) return ['-map', '0:v:0', '-vf', filters];
  // Before the time is drawn: its digits would move every second.
  const graph = `[0:v:0]split[drawn][watched];[drawn]${filters}[video];${motionFilters(motion, '[watched]')}`;
  return ['-filter_complex', graph, '-map', '[video]'];
}

/** ffmpeg 7 takes no filter graph without an output: where pictures are copied, there is one that writes nothing. */
function watchingArguments(camera: Camera, choices: FfmpegChoices): string[] {
  if (camera.motion === undefined || choices.encoder !== 'copy') return [];
  return ['-map', '[watched]', '-f', 'null', '-'];
}

/** Timestamps in MPEG-TS have 33 bits at 90 kHz and begin again after 26.5 hours. */
function timestampSeconds(beginsAtMs: number): string {
  return (Math.max(0, beginsAtMs % Math.floor(2 ** 33 / 90)) / 1000).toFixed(3);
}

function inputArguments(camera: Camera, choices: FfmpegChoices): string[] {
  const { format, device, frameRate, resolution, pixelFormat } = camera.input;
  const isV4l2 = format === 'v4l2';
  return [
    ...(choices.needsPacing ? ['-re'] : []),
    ...(isV4l2 || format === 'rtsp' ? ['-fflags', 'nobuffer'] : []),
    // Over UDP, lost packets would be lost pictures.
    ...(format === 'rtsp' ? ['-rtsp_transport', 'tcp'] : []),
    '-f',
    format,
    ...(frameRate !== undefined && takesFrameRate.has(format) ? ['-framerate', String(frameRate)] : []),
    ...(resolution !== undefined && takesVideoSize.has(format) ? ['-video_size', resolution] : []),
    ...(pixelFormat === undefined ? [] : [isV4l2 ? '-input_format' : '-pixel_format', pixelFormat]),
    '-i',
    device,
  ];
}

function encoderArguments(camera: Camera, encoder: ChosenEncoder): string[] {
  const { preset, keyFrameIntervalSeconds, bitRateKilobits } = camera.encoder;
  const bitRate = bitRateKilobits === undefined ? [] : ['-b:v', `${bitRateKilobits}k`];
  const keyFrames = ['-force_key_frames', `expr:gte(t,n_forced*${keyFrameIntervalSeconds})`];
  // The frames that come, when they come: none made up, none dropped for being late.
  const timing = ['-fps_mode', 'passthrough'];
  if (encoder === 'libx264') {
    return [
      ...timing,
      '-c:v',
      'libx264',
      '-preset',
      preset,
      // No look-ahead and no frames out of order: what the camera saw is encoded before it is stolen.
      '-tune',
      'zerolatency',
      '-forced-idr',
      '1',
      '-g',
      String(neverByCount),
      ...keyFrames,
      ...bitRate,
      ...(bitRateKilobits === undefined
        ? []
        : ['-maxrate', `${bitRateKilobits}k`, '-bufsize', `${2 * bitRateKilobits}k`]),
    ];
  }
  const { frameRate } = camera.input;
  return [
    ...timing,
    '-c:v',
    encoder,
    ...(frameRate === undefined
      ? []
      : ['-g', String(Math.max(1, Math.round(frameRate * keyFrameIntervalSeconds)))]),
    ...keyFrames,
    ...bitRate,
    // Some of this hardware writes its parameter sets once only: playback could not begin anywhere else.
    '-bsf:v',
    'dump_extra=freq=keyframe',
  ];
}

function videoFilters(camera: Camera, choices: FfmpegChoices): string {
  const { format, frameRate, resolution } = camera.input;
  return [
    ...(resolution !== undefined && !takesVideoSize.has(format)
      ? [`scale=${resolution.replace('x', ':')}`]
      : []),
    ...(frameRate !== undefined && !takesFrameRate.has(format) ? [`fps=${frameRate}`] : []),
    ...(camera.burnInTime && choices.fontFile !== undefined ? [timeFilter(choices.fontFile)] : []),
    // What every player and hardware decoder takes.
    'format=yuv420p',
  ].join(',');
}

/**
 * `localtime` is the wall clock at the moment the frame passes, not the start plus the frame's timestamp: it stays
 * right when ffmpeg falls behind, when the clock is set, and when summer time ends. %F and %T have the colons
 * inside, where they need no escaping; %z is the offset from UTC.
 */
function timeFilter(fontFile: string): string {
  return [
    `drawtext=fontfile=${fontFile}`,
    "text='%{localtime\\:%F %T %z}'",
    'x=h/60',
    'y=h/60',
    'fontsize=max(12\\,h/24)',
    'fontcolor=white',
    'box=1',
    'boxcolor=black@0.6',
    'boxborderw=4',
  ].join(':');
}
