/** For the unit tests of EncroCrypt3: streams that a test can read, and what is in the runs of a file. */
import {
  type EndReason,
  FileVerifier,
  type Header,
  noteContent,
  PacketReader,
  RunOpener,
  readHeader,
  rootOf,
  type Stretch,
  type TreeNode,
} from '../encrocrypt/v3/index.ts';
import { addGap } from '../verifier/noted-gaps.ts';
import { type CheckedRun, isWhole, type NotedGap, timelineOf } from '../verifier/timeline.ts';
import { fakeSecretOf } from './fakes.ts';
import type { KeptRun, LastRun, LastRunStore } from './last-run.ts';

const tsPacketBytes = 188;

function tsPacket(pid: number, control: number, ...rest: readonly (Buffer | string)[]): Buffer {
  const packet = Buffer.alloc(tsPacketBytes, 0xff);
  Buffer.concat([
    Buffer.from([0x47, 0x40 | (pid >> 8), pid & 0xff, control]),
    ...rest.map((part) => Buffer.from(part)),
  ]).copy(packet);
  return packet;
}

/** Some pictures of MPEG-TS, at which no decoder can begin. */
export function pictures(text: string): Buffer {
  return tsPacket(0x100, 0x10, Buffer.from('000001e0', 'hex'), `<${text}>`);
}

/** The same behind tables, beginning with a key frame. */
export function keyFrame(text: string): Buffer {
  return Buffer.concat([
    tsPacket(0, 0x10, Buffer.from('00', 'hex')),
    tsPacket(0x100, 0x30, Buffer.from('0140', 'hex'), Buffer.from('000001e0', 'hex'), `<${text}>`),
  ]);
}

export interface RunTold {
  readonly header: Header;
  /** `undefined`: it has none. */
  readonly ended: EndReason | undefined;
  /** As `intact 0-20000`. */
  readonly verdicts: readonly string[];
  /** The texts of its pictures, joined. */
  readonly video: string;
  /** Plaintexts as they are. */
  readonly packets: readonly Buffer[];
  /** Each gap once, as it was told last. */
  readonly notes: readonly Record<string, unknown>[];
  readonly events: readonly Record<string, unknown>[];
  readonly checked: CheckedRun;
}

/** Reads a file of runs that `fakeSealRun` made, as their owner. */
export function runsIn(file: string, bytes: Buffer | undefined): RunTold[] {
  const whole = bytes ?? Buffer.alloc(0);
  const runs: RunTold[] = [];
  let stretches: Stretch[] = [];
  const verifier = new FileVerifier({
    onRun: () => undefined,
    onStretch: (_, stretch) => stretches.push(stretch),
    onRunEnd: ({ header, final, link }) => {
      const contents = contentsOf(whole, header, [fakeRootOf(header)]);
      const ended = final?.reason;
      const { gaps, notes } = onceEach(contents);
      runs.push({
        ...{ header, ended, ...contents, notes },
        verdicts: stretches.map(({ verdict, fromMs, toMs }) => `${verdict} ${fromMs}-${toMs}`),
        checked: { ...{ file, header, voucher: 'signed', stretches, gaps, link }, ended },
      });
      stretches = [];
    },
    onSkip: () => undefined,
  });
  verifier.push(whole);
  verifier.end();
  return runs;
}

/** Each gap once, however often it was told while it lasted. */
function onceEach({ notes, noteTimes }: Pick<ReturnType<typeof contentsOf>, 'notes' | 'noteTimes'>) {
  const gaps: NotedGap[] = [];
  const kept: Record<string, unknown>[] = [];
  for (const [index, note] of notes.entries()) {
    const before = gaps.length;
    const toMs = noteTimes[index] ?? 0;
    const { what, milliseconds, cause } = note;
    if (what === 'gap') addGap(gaps, { fromMs: toMs - Number(milliseconds), toMs, cause: String(cause) });
    if (what === 'gap' && gaps.length === before) {
      kept.splice(
        kept.findLastIndex((one) => one.what === 'gap'),
        1,
      );
    }
    kept.push(note);
  }
  return { gaps, notes: kept };
}

/** What `encrocam verify` finds wrong with these runs of one camera; empty if nothing. */
export function faultsOf(runs: readonly RunTold[]): string[] {
  const { intervals, problems } = timelineOf(runs.map(({ checked }) => checked));
  const wrong = intervals.filter((interval) => !isWhole({ intervals: [interval], problems: [] }));
  return [...problems, ...wrong.map(({ state, cause }) => `${state}: ${cause ?? ''}`)];
}

function fakeRootOf({ statement: { runId } }: Header): TreeNode {
  return rootOf(fakeSecretOf(runId), runId);
}

/** What is in one run of a file, for whoever has its keys. */
export function contentsOf(bytes: Buffer, { hash, statement }: Header, nodes: readonly TreeNode[]) {
  const { runId, segmentMs } = statement;
  const opener = new RunOpener({ runId, segmentMs, nodes });
  const reader = new PacketReader();
  reader.push(bytes);
  reader.end();
  const [packets, notes, events]: [Buffer[], Record<string, unknown>[], Record<string, unknown>[]] = [
    [],
    [],
    [],
  ];
  const noteTimes: number[] = [];
  let isOurs = false;
  for (let item = reader.next(); item; item = reader.next()) {
    if (item.kind === 'header') isOurs = readHeader(Buffer.from(item.body))?.hash.equals(hash) === true;
    if (!isOurs) continue;
    if (item.kind === 'note') {
      notes.push(JSON.parse(noteContent(item).toString()));
      noteTimes.push(item.timeMs);
    }
    if (item.kind !== 'data' && item.kind !== 'event') continue;
    const plaintext = opener.open(item);
    if (!plaintext) reader.reject();
    else if (item.kind === 'data') packets.push(Buffer.from(plaintext));
    else events.push(JSON.parse(plaintext.toString()));
  }
  const video = [
    ...Buffer.concat(packets)
      .toString('latin1')
      .matchAll(/<([^<>]*)>/g),
  ]
    .map(([, text]) => text)
    .join('');
  return { packets, notes, noteTimes, events, video };
}

export class MemoryLastRuns implements LastRunStore {
  last: LastRun | undefined;
  readonly kept: KeptRun[] = [];

  async load(): Promise<LastRun | undefined> {
    return this.last;
  }

  async keep(run: KeptRun): Promise<void> {
    this.kept.push(run);
  }
}
