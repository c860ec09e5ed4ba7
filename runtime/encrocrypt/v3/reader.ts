/** Cuts a byte stream into packets of EncroCrypt3, and opens those that are encrypted. */
import { createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { type Envelope, PacketCutter } from '../cutter.ts';
import {
  associatedBytes,
  certifiedBytes,
  checkpointBytes,
  envelopeBytes,
  finalBytes,
  keyFrameBit,
  marker,
  maxCertificateBytes,
  maxHeaderBytes,
  maxNoteBytes,
  maxPlaintextBytes,
  nonceBytes,
  packetType,
  parityBit,
  positionBytes,
  runIdBytes,
  tagBytes,
} from './format.ts';
import { SegmentKeys, type TreeNode } from './key-tree.ts';

interface Whole {
  /** Of its first byte, counted from where the reader began. */
  readonly offset: number;
  /** From the marker on. Valid until the next call, as all else that is given out. */
  readonly bytes: Buffer;
}

/** A header, a checkpoint, a final or a certificate: signs others. */
export interface SigningPacket extends Whole {
  readonly kind: 'header' | 'checkpoint' | 'final' | 'certificate';
  readonly body: Buffer;
}

/** A packet in the chain. Nothing of it is authenticated before it was decrypted, or a checkpoint was compared. */
export interface ChainPacket extends Whole {
  readonly kind: 'note' | 'event' | 'data';
  readonly sequence: number;
  /** Milliseconds since the run's start. */
  readonly timeMs: number;
  /** A decoder can begin here. */
  readonly isKeyFrame: boolean;
  /** 0 or 1: of its segment. */
  readonly parity: number;
}

export type Packet = SigningPacket | ChainPacket;

const signingKinds: Readonly<Record<number, SigningPacket['kind']>> = {
  [packetType.header]: 'header',
  [packetType.checkpoint]: 'checkpoint',
  [packetType.final]: 'final',
  [packetType.certificate]: 'certificate',
};

const envelope: Envelope<Packet> = {
  magic: marker,
  headerBytes: envelopeBytes,
  maxBodyBytes: maxPlaintextBytes + positionBytes + tagBytes,
  bodyBytes(buffer, start) {
    const type = buffer.readUInt8(start + marker.length);
    const length = buffer.readUIntBE(start + marker.length + 1, 3);
    const kind = kindOf(type);
    if (kind === undefined) return undefined;
    const [least, most] = limitsOf(kind);
    return length >= least && length <= most ? length : undefined;
  },
  packet(bytes, offset) {
    const type = bytes.readUInt8(marker.length);
    const signing = signingKinds[type];
    if (signing) return { kind: signing, offset, bytes, body: bytes.subarray(envelopeBytes) };
    return {
      kind: kindOf(type) as ChainPacket['kind'],
      ...{ offset, bytes },
      sequence: bytes.readUIntBE(envelopeBytes, 3),
      timeMs: bytes.readUIntBE(envelopeBytes + 3, 3),
      isKeyFrame: (type & packetType.data) !== 0 && (type & keyFrameBit) !== 0,
      parity: type & parityBit,
    };
  },
  // Nothing but what follows speaks for a note; all else is encrypted or signed.
  needsFollower: (buffer, start) => buffer.readUInt8(start + marker.length) === packetType.note,
};

function kindOf(type: number): Packet['kind'] | undefined {
  if ((type & ~(parityBit | keyFrameBit)) === packetType.data) return 'data';
  if ((type & ~parityBit) === packetType.event) return 'event';
  return type === packetType.note ? 'note' : signingKinds[type];
}

function limitsOf(kind: Packet['kind']): [least: number, most: number] {
  switch (kind) {
    case 'data':
      return [positionBytes + 1 + tagBytes, positionBytes + maxPlaintextBytes + tagBytes];
    case 'event':
      return [positionBytes + 1 + tagBytes, positionBytes + maxNoteBytes + tagBytes];
    case 'note':
      return [positionBytes + 1, positionBytes + maxNoteBytes];
    case 'checkpoint':
      return [checkpointBytes, checkpointBytes];
    case 'final':
      return [finalBytes, finalBytes];
    case 'certificate':
      return [certifiedBytes + 1, maxCertificateBytes];
    case 'header':
      return [1, maxHeaderBytes];
  }
}

/** Without keys, nothing but what follows speaks for a packet in the chain; the others are signed. */
const keylessEnvelope: Envelope<Packet> = {
  ...envelope,
  needsFollower(buffer, start) {
    return !(buffer.readUInt8(start + marker.length) in signingKinds);
  },
};

export interface ReaderOptions {
  /** Where in the file the stream begins, for the positions that are reported. Default: 0. */
  readonly offset?: number;
  /** Whether the caller can decrypt, and so reject what is not genuine. Default: yes. */
  readonly hasKeys?: boolean;
}

/** Cuts a byte stream into packets of EncroCrypt3. */
export class PacketReader extends PacketCutter<Packet> {
  constructor({ offset = 0, hasKeys = true }: ReaderOptions = {}) {
    super(hasKeys ? envelope : keylessEnvelope, offset);
  }
}

/** The segment that a packet claims; -1 where it cannot be. */
export function segmentOf(
  { timeMs, parity }: Pick<ChainPacket, 'timeMs' | 'parity'>,
  segmentMs: number,
): number {
  const now = Math.floor(timeMs / segmentMs);
  return (now & 1) === parity ? now : now - 1;
}

/** The content of a note: for everybody, and no more genuine than its packet. */
export function noteContent({ bytes }: ChainPacket): Buffer {
  return bytes.subarray(associatedBytes);
}

/** What opens a run's packets, or some of them. */
export interface RunKeys {
  readonly runId: Buffer;
  readonly segmentMs: number;
  /** The root, or the nodes that somebody was given. */
  readonly nodes: readonly TreeNode[];
}

const gcm = { authTagLength: tagBytes } as const;

/** Decrypts the packets of one run. */
export class RunOpener {
  readonly #keys: RunKeys;
  readonly #segmentKeys: SegmentKeys;
  #segment = -1;
  /** Several times faster per packet than its bytes. */
  #key: KeyObject | undefined;
  #lastSequence = -1;
  /** Made once: what is allocated for each packet costs as much as its tag. */
  readonly #nonce = Buffer.alloc(nonceBytes);
  readonly #associated = Buffer.alloc(runIdBytes + associatedBytes);

  constructor(keys: RunKeys) {
    this.#keys = keys;
    this.#segmentKeys = new SegmentKeys(keys.nodes);
    this.#associated.set(keys.runId);
  }

  /**
   * Whether a packet that opened is to be put out: each is, once, in the order of the sequence. What was repeated, or
   * moved to behind its place, is not.
   */
  isNext({ sequence }: ChainPacket): boolean {
    if (sequence <= this.#lastSequence) return false;
    this.#lastSequence = sequence;
    return true;
  }

  /**
   * The plaintext of a data or event packet, the content of a note.
   * @returns `undefined` if it does not authenticate, or is outside of what was given.
   */
  open(packet: ChainPacket): Buffer | undefined {
    if (packet.kind === 'note') return noteContent(packet);
    const { bytes, sequence } = packet;
    const key = this.#keyOf(segmentOf(packet, this.#keys.segmentMs));
    if (!key) return undefined;
    this.#nonce.writeUIntBE(sequence, nonceBytes - 3, 3);
    bytes.copy(this.#associated, runIdBytes, 0, associatedBytes);
    const decipher = createDecipheriv('aes-128-gcm', key, this.#nonce, gcm);
    decipher.setAAD(this.#associated);
    const end = bytes.length - tagBytes;
    decipher.setAuthTag(bytes.subarray(end));
    const plaintext = decipher.update(bytes.subarray(associatedBytes, end));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return plaintext;
  }

  #keyOf(segment: number): KeyObject | undefined {
    // What is watched live is given by and by.
    if (segment !== this.#segment || !this.#key) {
      const key = this.#segmentKeys.keyOf(segment);
      this.#segment = segment;
      this.#key = key && createSecretKey(key);
    }
    return this.#key;
  }
}
