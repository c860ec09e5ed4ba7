/**
 * Checks a whole file with nothing but the file: finds its runs, and says of each which of its time is as the camera
 * recorded it. Whether the camera signed a header is for whoever knows its OpenPGP key.
 */
import type { Skip } from '../cutter.ts';
import { type Certificate, type Final, readCertificate } from './chain.ts';
import type { Stretch } from './chain-pieces.ts';
import { sha256 } from './format.ts';
import { type Header, readHeader } from './header.ts';
import { type HeaderCopies, type OpenRun, OpenRuns } from './open-runs.ts';
import { type Packet, PacketReader } from './reader.ts';
import type { LinkReach } from './run-verifier.ts';
import type { VouchedNote, VouchedPacket } from './standing-packets.ts';

/**
 * What claims to vouch for a run that began without the camera's signature. It may stand behind runs that came later: the
 * camera makes it when it is unlocked.
 */
export interface PlacedCertificate extends Certificate {
  /** Up to when it vouches, in milliseconds since the run's start. `undefined`: what it names does not stand before it. */
  readonly toMs: number | undefined;
  /** How many of the run's packets, from its first, it vouches for. `undefined`: as above. */
  readonly packets: number | undefined;
  /** Of the file, that it takes. */
  readonly bytes: number;
}

/** One run as a file has it. */
export interface VerifiedRun {
  /** With the signature of the first copy. */
  readonly header: Header;
  /** By their signatures, in the order of the file: which of them counts is for whoever knows the camera's key. */
  readonly copies: readonly HeaderCopies[];
  /** Where in the file it begins: its header, behind which something of it stands. */
  readonly offset: number;
  readonly final: Final | undefined;
  /** Of its last checkpoint or final: what the next run's header should name. */
  readonly link: Buffer;
  /** The same run stood in this file before. */
  readonly isRepeated: boolean;
}

/**
 * Of one run after the other, `onStretch` and then `onRunEnd`: when its final is there and another run begins, or at the end of the
 * file. Where another run's header stands in the midst of a run, its `onRun` comes before that.
 */
export interface FileVerifierEvents {
  onRun(header: Header, offset: number): void;
  onStretch(header: Header, stretch: Stretch): void;
  onRunEnd(run: VerifiedRun): void;
  /** For the run whose header has its `headerHash`, which came before. */
  onCertificate?(certificate: PlacedCertificate): void;
  /** Bytes that belong to no packet, or to no run. */
  onSkip(skip: Skip): void;
  /** Something that the camera said to everybody, once a checkpoint vouches for it. */
  onNote?(header: Header, note: VouchedNote): void;
  /** What of the file a checkpoint vouches for, packet by packet. */
  onVouched?(header: Header, packets: readonly VouchedPacket[]): void;
}

/** Where in a file the bytes begin, if not at its beginning. */
export interface FilePlace {
  readonly offset: number;
  /** Of the run that the place lies in. */
  readonly header: Header;
}

/** Headers of a file together: an hour in which the recorder starts every second has 8 MB of them. Whoever made more is not believed. */
const maxHeaderBytesKept = 64 * 2 ** 20;
/** Of all certificates of a file: a camera makes one for each start, of some hundred bytes. */
const maxCertificateBytesKept = 8 * 2 ** 20;
/** Of all runs of a file that the camera did not sign: a day of them has 86 400 at most. */
const maxLinks = 100_000;

export class FileVerifier {
  readonly #events: FileVerifierEvents;
  readonly #reader: PacketReader;
  readonly #runs: OpenRuns;
  /** Hashes of headers. */
  readonly #seen = new Set<string>();
  readonly #seenCertificates = new Set<string>();
  /** How far each link reaches that a certificate may name. */
  readonly #reach = new Map<string, LinkReach>();
  #headerBytes = 0;
  #certificateBytes = 0;

  /** @param place what comes before it counts as missing. */
  constructor(events: FileVerifierEvents, place?: FilePlace) {
    this.#events = events;
    this.#reader = new PacketReader({ offset: place?.offset ?? 0, hasKeys: false });
    this.#runs = new OpenRuns((run) => this.#endRun(run));
    if (!place) return;
    const { header, offset } = place;
    const copy = { cameraSignature: header.cameraSignature, bytes: 0 };
    this.#begin(header, header.hash.toString('hex'), { offset, copy });
  }

  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
    this.#drain();
  }

  /** No more bytes will come. */
  end(): void {
    this.#reader.end();
    this.#drain();
    this.#runs.end();
  }

  #drain(): void {
    for (let item = this.#reader.next(); item; item = this.#reader.next()) {
      if (item.kind === 'skip') this.#events.onSkip(item);
      else if (!this.#take(item)) this.#reader.reject();
    }
  }

  /** @returns whether it is what it seems to be, as far as that can be told now. */
  #take(packet: Packet): boolean {
    switch (packet.kind) {
      case 'header':
        return this.#header(packet.body, packet.bytes.length, packet.offset);
      case 'checkpoint':
        return this.#runs.checkpoint(packet.body);
      case 'final':
        return this.#runs.finish(packet.body);
      case 'certificate':
        return this.#certificate(packet.body, packet.bytes.length);
      default: {
        const run = this.#runs.current;
        run?.verifier.take(packet);
        return run !== undefined;
      }
    }
  }

  #header(body: Buffer, bytes: number, offset: number): boolean {
    const header = readHeader(body);
    if (!header) return false;
    const id = header.hash.toString('hex');
    const known = this.#runs.resume(id, offset);
    const copies = known?.copies.find(({ cameraSignature }) =>
      isSame(cameraSignature, header.cameraSignature),
    );
    if (copies) {
      copies.bytes += bytes;
      return true;
    }
    this.#headerBytes += body.length;
    if (this.#headerBytes > maxHeaderBytesKept) return false;
    const copy = { cameraSignature: header.cameraSignature, bytes };
    if (known) known.copies.push(copy);
    else this.#begin(header, id, { offset, copy });
    return true;
  }

  #begin(header: Header, id: string, { offset, copy }: { offset: number; copy: OpenRun['copies'][number] }) {
    const isRepeated = this.#seen.has(id);
    this.#seen.add(id);
    this.#runs.begin(
      { id, header, offset, isRepeated, copies: [copy], links: new Map() },
      {
        onStretch: (stretch) => this.#events.onStretch(header, stretch),
        onNote: (note) => this.#events.onNote?.(header, note),
        onVouched: (packets) => this.#events.onVouched?.(header, packets),
      },
    );
    this.#events.onRun(header, offset);
  }

  /** @returns whether it may be one: what nobody would look at belongs to nothing. */
  #certificate(body: Buffer, bytes: number): boolean {
    const certificate = readCertificate(body);
    if (!certificate || !this.#seen.has(certificate.headerHash.toString('hex'))) return false;
    const id = sha256(body).toString('base64');
    this.#certificateBytes += body.length;
    if (this.#seenCertificates.has(id) || this.#certificateBytes > maxCertificateBytesKept) return false;
    this.#seenCertificates.add(id);
    const link = certificate.link.toString('hex');
    const reach = this.#reach.get(link) ?? this.#runs.reachOf(certificate.headerHash.toString('hex'), link);
    this.#events.onCertificate?.({ ...certificate, toMs: reach?.toMs, packets: reach?.packets, bytes });
    return true;
  }

  #endRun({ header, offset, isRepeated, copies, links, verifier }: OpenRun): void {
    verifier.end();
    const { final, link } = verifier;
    this.#events.onRunEnd({ header, offset, isRepeated, copies, final, link });
    // A header that has but one signature of the camera needs no certificate.
    if (copies.every(({ cameraSignature }) => cameraSignature)) return;
    for (const [name, reach] of links) if (this.#reach.size < maxLinks) this.#reach.set(name, reach);
  }
}

function isSame(one: Buffer | undefined, other: Buffer | undefined): boolean {
  return one && other ? one.equals(other) : one === other;
}
