/** A recording of three runs and some ten megabytes, signed by the camera, with gaps in and between them; and what can happen to it. */
import { HeaderIndex, packetType, type RunWriter } from '../../runtime/encrocrypt/v3/index.ts';
import type { SealingKeys } from '../../runtime/pgp/seal.ts';
import { linkOfPacket, previousOf, type SyntheticRun, signedRun } from './synthetic-run.ts';

export const dayStartMs = Date.UTC(2027, 0, 15, 8);
export const runSeconds = 20 * 60;
/** Between two runs nothing was recorded. */
export const pauseSeconds = 30;
const [packetsPerSecond, packetBytes] = [2, 4096];
/** Seconds of each run in which the camera was away: it says so at their end. */
export const gapSeconds: readonly [from: number, to: number] = [300, 340];

export interface DayRecording {
  readonly bytes: Buffer;
  readonly runs: readonly SyntheticRun[];
  /** Of each run's first byte. */
  readonly offsets: readonly number[];
}

/** @param options `powerCutIn`: the run that ends in the midst of a packet, after three quarters of it. */
export async function dayRecording(
  keys: SealingKeys,
  { powerCutIn }: { readonly powerCutIn?: number } = {},
): Promise<DayRecording> {
  const [runs, offsets]: [SyntheticRun[], number[]] = [[], []];
  const index = new HeaderIndex();
  let offset = 0;
  for (const number of [0, 1, 2]) {
    const startMs = dayStartMs + number * (runSeconds + pauseSeconds) * 1000;
    index.add({ wallMs: startMs, offset });
    offsets.push(offset);
    const previous = runs.at(-1);
    const run = await signedRun(keys, {
      ...{ fill: number + 1, seconds: runSeconds, packetsPerSecond },
      video: (packet) => Buffer.alloc(packetBytes, packet),
      isAway: (packet) =>
        packet >= gapSeconds[0] * packetsPerSecond && packet < gapSeconds[1] * packetsPerSecond,
      headerAgainAt: 600 * packetsPerSecond,
      before: (packet, writer, timeMs) => notesBefore(packet, writer, timeMs, index),
      statement: { startMs, ...(previous ? { previous: previousOf(previous) } : {}) },
    });
    runs.push(number === powerCutIn ? cutOff(run) : run);
    offset += runs.at(-1)?.bytes.length ?? 0;
  }
  return { runs, offsets, bytes: Buffer.concat(runs.map(({ bytes }) => bytes)) };
}

function cutOff(run: SyntheticRun): SyntheticRun {
  const packets = run.packets.slice(0, Math.floor(0.75 * run.packets.length));
  const last = packets.findLast((packet) => packet[3] === packetType.checkpoint) ?? Buffer.alloc(0);
  const bytes = Buffer.concat(packets);
  return { ...run, link: linkOfPacket(run, last), bytes: bytes.subarray(0, -1000) };
}

function notesBefore(packet: number, writer: RunWriter, timeMs: number, index: HeaderIndex) {
  const gap = (milliseconds: number, cause: string) =>
    writer.note({ what: 'gap', milliseconds, cause }, timeMs);
  if (packet === 0) return [gap(pauseSeconds * 1000, 'no recorder ran')];
  const [fromSecond, toSecond] = gapSeconds;
  if (packet === toSecond * packetsPerSecond)
    return [gap((toSecond - fromSecond) * 1000, 'the camera was away')];
  const happening = packet === runSeconds * packetsPerSecond - 1 ? index.happening : undefined;
  return happening ? [writer.note(happening, timeMs)] : [];
}
