/** How a run's part of a file ends: the last that its key signed, and whether anything stands behind it. */
import type { KeyObject } from 'node:crypto';
import { decodeCheckpoint, decodeFinal, type Header, linkOf, readHeader } from '../../encrocrypt/v3/index.ts';
import type { RandomAccess } from '../../viewer/source.ts';
import { type Item, itemsIn } from './packets.ts';

export interface RunEnd {
  /** Of its last checkpoint or final: what the next run names. */
  readonly link: Buffer;
  readonly isFinal: boolean;
  /** Behind that checkpoint or final. */
  readonly place: number;
  /** Milliseconds since the run's start. */
  readonly toMs: number;
  /** The final does not name the checkpoint before it, or something else than certificates stands behind it. */
  readonly isBroken: boolean;
}

export interface RunPart {
  readonly header: Header;
  readonly key: KeyObject;
  /** Of its first header, and of what comes behind that. */
  readonly offset: number;
  readonly headerEnd: number;
  /** Of the whole packet of that header. */
  readonly packetHash: Buffer;
  /** Where the next run begins, or the file ends. */
  readonly end: number;
}

/** A final stands right behind a checkpoint; without one, that is a few seconds back. */
const windowsBytes = [64 * 1024, 2 * 2 ** 20, 16 * 2 ** 20, 64 * 2 ** 20] as const;

/** Checkpoints of other runs, or of nobody: each costs a signature's time. */
const maxForged = 1000;

/** Whether a file ends with what the run signed that it begins with: in a file that the camera wrote, there is no other one then. */
export async function isSoleRun(access: RandomAccess, part: RunPart): Promise<boolean> {
  for (const windowBytes of windowsBytes) {
    const start = Math.max(0, access.sizeBytes - windowBytes);
    let isItsOwn: boolean | undefined;
    let forged = 0;
    for await (const item of itemsIn(access, start, access.sizeBytes)) {
      if (item.kind === 'header') {
        const header = readHeader(item.body);
        if (header && !header.hash.equals(part.header.hash)) return false;
      } else if (item.kind === 'checkpoint' || item.kind === 'final') {
        const isSigned = signedBy(part, item) !== undefined;
        // Behind what it signed, another one would begin with its header.
        isItsOwn = isItsOwn === true || isSigned;
        if (!isSigned && ++forged > maxForged) return false;
      }
    }
    if (isItsOwn !== undefined || start === 0) return isItsOwn ?? true;
  }
  return false;
}

/** @returns undefined if nothing that the run's key signed stands near its end. */
export async function endOf(access: RandomAccess, part: RunPart): Promise<RunEnd | undefined> {
  for (const windowBytes of windowsBytes) {
    const start = Math.max(part.offset, part.end - windowBytes);
    const found = await lastIn(access, part, start);
    if (found || start === part.offset) return found;
  }
  return undefined;
}

async function lastIn(access: RandomAccess, part: RunPart, start: number): Promise<RunEnd | undefined> {
  let last: RunEnd | undefined;
  if (start === part.offset) {
    last = { link: part.header.hash, isFinal: false, place: part.headerEnd, toMs: 0, isBroken: false };
  }
  let forged = 0;
  for await (const item of itemsIn(access, start, part.end)) {
    const signed = signedBy(part, item);
    if (!signed) {
      if ((item.kind === 'checkpoint' || item.kind === 'final') && ++forged > maxForged) return undefined;
      if (last?.isFinal && item.kind !== 'certificate') last = { ...last, isBroken: true };
      continue;
    }
    // What a final names may stand before the window.
    if (signed.isFinal && !last) return undefined;
    const { previous, ...end } = signed;
    const isTorn = end.isFinal && last !== undefined && !previous.equals(last.link);
    last = { ...end, isBroken: isTorn || (last?.isFinal ?? false) };
  }
  return last;
}

function signedBy(
  { header, key }: RunPart,
  item: Item,
): (Omit<RunEnd, 'isBroken'> & { previous: Buffer }) | undefined {
  if (item.kind !== 'checkpoint' && item.kind !== 'final') return undefined;
  const { runId } = header.statement;
  const isFinal = item.kind === 'final';
  const signed = isFinal ? decodeFinal(item.body, runId, key) : decodeCheckpoint(item.body, runId, key);
  if (!signed) return undefined;
  return {
    ...{ link: linkOf(runId, item.body), isFinal, place: item.offset + item.bytes.length },
    toMs: 'toMs' in signed ? signed.toMs : signed.timeMs,
    previous: signed.previous,
  };
}
