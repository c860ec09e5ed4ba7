/**
 * A long recording of EncroCrypt3, packet by packet as a recorder writes it: a run for each four and a half hours, the header again for each
 * ten minutes, and an index behind it. Nobody signed it, and no OpenPGP is in it: its secrets are known.
 */
import { randomBytes } from 'node:crypto';
import {
  commitmentOf,
  encodeHeader,
  encodeSignedPart,
  type Header,
  HeaderIndex,
  makeRunKey,
  type RunKeys,
  RunWriter,
  rootOf,
} from '../../runtime/encrocrypt/v3/index.ts';

export interface LongRecordingOptions {
  readonly startMs: number;
  readonly durationMs: number;
  readonly packetMs: number;
  /** Default: each. */
  readonly isKeyFrame?: (packet: number) => boolean;
  /** What packet n carries. */
  readonly video: (packet: number) => Uint8Array;
  /** Default: 4 h 30 min. */
  readonly runMs?: number;
  /** Time between two runs in which nothing was recorded. Default: 0. */
  readonly pauseMs?: number;
  /** Whether notes tell where headers stand. Default: yes. */
  readonly hasIndex?: boolean;
}

/** A header stands before the first packet in each ten minutes since its run's start. */
export const headerIntervalMs = 10 * 60_000;
/** Seldom: checking them would take most of a test's time. */
const checkpointMs = 60_000;
const segmentMs = 60_000;

export interface LongRecording {
  readonly packets: Generator<Buffer>;
  /** Keys of the run of a header, once it was written. */
  readonly keysOf: (header: Header) => RunKeys | undefined;
}

export function longRecording(options: LongRecordingOptions): LongRecording {
  const known = new Map<string, RunKeys>();
  return {
    packets: packetsOf(options, known),
    keysOf: ({ statement }) => known.get(statement.runId.toString('hex')),
  };
}

function* packetsOf(options: LongRecordingOptions, known: Map<string, RunKeys>): Generator<Buffer> {
  const index = new HeaderIndex();
  let offset = 0;
  for (const { packet, headerMs } of placesOf(options, known, index)) {
    if (headerMs !== undefined) index.add({ wallMs: headerMs, offset });
    offset += packet.length;
    yield packet;
  }
}

/** @returns packets, and of headers what time comes behind them. */
function* placesOf(
  options: LongRecordingOptions,
  known: Map<string, RunKeys>,
  index: HeaderIndex,
): Generator<{ packet: Buffer; headerMs?: number }> {
  const { startMs, durationMs, packetMs, video, isKeyFrame = () => true } = options;
  const { runMs = 4.5 * 3_600_000, pauseMs = 0, hasIndex = true } = options;
  const total = Math.floor(durationMs / packetMs);
  const perRun = Math.floor(runMs / packetMs);
  for (let first = 0, run = 0; first < total; first += perRun, run++) {
    const [runId, secret, runKey] = [randomBytes(16), randomBytes(32), makeRunKey()];
    known.set(runId.toString('hex'), { runId, segmentMs, nodes: [rootOf(secret, runId)] });
    const runStartMs = startMs + first * packetMs + run * pauseMs;
    const part = encodeSignedPart(
      {
        ...{ camera: Buffer.alloc(20), runId, recording: 'rec', segmentMs, checkpointMs },
        ...{ startMs: runStartMs, clock: { state: 'unknown' } },
        ...{ container: 'video/mp2t', recipients: [{ type: 'openpgp', id: Buffer.alloc(20) }] },
        ...{ commitment: commitmentOf(secret, runId), runKey: runKey.publicKey },
      },
      { wrapped: [] },
    );
    const header = encodeHeader(part, undefined, runKey.privateKey);
    const writer = new RunWriter({
      ...{ runId, secret, runPrivateKey: runKey.privateKey, headerHash: part.hash, segmentMs },
    });
    let [headersDue, signedMs] = [0, 0];
    const indexAt = (timeMs: number): readonly Buffer[] => {
      const happening = hasIndex ? index.happening : undefined;
      return happening ? writer.note(happening, timeMs) : [];
    };
    yield { packet: header, headerMs: runStartMs };
    for (let number = 0; number < perRun && first + number < total; number++) {
      const timeMs = number * packetMs;
      const due = Math.floor(timeMs / headerIntervalMs);
      if (due !== headersDue) {
        headersDue = due;
        yield { packet: header, headerMs: runStartMs + timeMs };
        yield { packet: Buffer.concat(indexAt(timeMs)) };
      }
      if (timeMs - signedMs >= checkpointMs) {
        signedMs = timeMs;
        yield { packet: writer.checkpoint(timeMs) };
      }
      const content = video(first + number);
      yield { packet: Buffer.concat(writer.data(content, timeMs, isKeyFrame(first + number))) };
    }
    const endMs = Math.min(perRun, total - first) * packetMs;
    yield { packet: Buffer.concat([...indexAt(endMs), ...writer.final(endMs, 'length')]) };
  }
}
