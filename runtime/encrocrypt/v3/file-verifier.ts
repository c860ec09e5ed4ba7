/**
 * Checks a whole file with nothing but the file: finds its runs, and says of each which of its time is as the camera
 * recorded it. Whether the camera signed a header is for whoever knows its OpenPGP key.
 */
import type { Skip } from '../cutter.ts';
import { type Certificate, type Final, readCertificate } from './chain.ts';
import { type Header, readHeader } from './header.ts';
import { type Packet, PacketReader } from './reader.ts';
import {
  type LinkReach,
  RunVerifier,
  type Stretch,
  type VouchedNote,
  type VouchedPacket,
} from './run-verifier.ts';

/**
 * What claims to vouch for a run that began without the camera's signature. It may stand behind runs that came later: the
 * camera makes it when it is unlocked.
 */
export interface PlacedCertificate extends Certificate {
  /** Up to when it vouches, in milliseconds since the run's start. `undefined`: what it names does not stand before it. */
  readonly toMs: number | undefined;
  /** How many of the run's packets, from its first, it vouches for. `undefined`: as above. */
  readonly packets: number | undefined;
}

/** One run as a file has it. */
export interface VerifiedRun {
  readonly header: Header;
  /** Where in the file its header stands. */
  readonly offset: number;
  readonly final: Final | undefined;
  /** Of its last checkpoint or final: what the next run's header should name. */
  readonly link: Buffer;
  /** The same run stood in this file before. */
  readonly isRepeated: boolean;
}

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
/** Of a run: one is made. */
const maxCertificates = 8;
/** Of all runs of a file that the camera did not sign: a day of them has 86 400 at most. */
const maxLinks = 100_000;

export class FileVerifier {
  readonly #events: FileVerifierEvents;
  readonly #reader: PacketReader;
  /** By the hash of their headers; each with the number of its certificates. */
  readonly #seen = new Map<string, number>();
  /** How far each link reaches that a certificate may name. */
  readonly #reach = new Map<string, LinkReach>();
  #run: { header: Header; offset: number; verifier: RunVerifier; isRepeated: boolean } | undefined;
  #headerBytes = 0;

  /** @param place what comes before it counts as missing. */
  constructor(events: FileVerifierEvents, place?: FilePlace) {
    this.#events = events;
    this.#reader = new PacketReader({ offset: place?.offset ?? 0, hasKeys: false });
    if (place) this.#beginRun(place.header, place.offset);
  }

  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
    this.#drain();
  }

  /** No more bytes will come. */
  end(): void {
    this.#reader.end();
    this.#drain();
    this.#endRun();
  }

  #drain(): void {
    for (let item = this.#reader.next(); item; item = this.#reader.next()) {
      if (item.kind === 'skip') this.#events.onSkip(item);
      else if (!this.#take(item)) this.#reader.reject();
    }
  }

  /** @returns whether it is what it seems to be, as far as that can be told now. */
  #take(packet: Packet): boolean {
    const run = this.#run;
    switch (packet.kind) {
      case 'header':
        return this.#header(packet.body, packet.offset);
      case 'checkpoint':
        return run?.verifier.checkpoint(packet.body) ?? false;
      case 'final':
        return run?.verifier.finish(packet.body) ?? false;
      case 'certificate':
        return this.#certificate(packet.body);
      default:
        if (!run) return false;
        run.verifier.take(packet);
        return true;
    }
  }

  #header(body: Buffer, offset: number): boolean {
    const header = readHeader(body);
    if (!header) return false;
    if (this.#run?.header.hash.equals(header.hash)) return true;
    this.#headerBytes += body.length;
    if (this.#headerBytes > maxHeaderBytesKept) return false;
    this.#endRun();
    this.#beginRun(header, offset);
    return true;
  }

  #beginRun(header: Header, offset: number): void {
    const id = header.hash.toString('hex');
    const isRepeated = this.#seen.has(id);
    this.#seen.set(id, this.#seen.get(id) ?? 0);
    this.#events.onRun(header, offset);
    const verifier = new RunVerifier(
      header,
      (stretch) => this.#events.onStretch(header, stretch),
      (note) => this.#events.onNote?.(header, note),
      header.cameraSignature ? undefined : (link, reach) => this.#keepLink(link, reach),
      (packets) => this.#events.onVouched?.(header, packets),
    );
    this.#run = { header, offset, verifier, isRepeated };
  }

  #certificate(body: Buffer): boolean {
    const certificate = readCertificate(body);
    if (!certificate) return false;
    const id = certificate.headerHash.toString('hex');
    const before = this.#seen.get(id);
    if (before === undefined) return false;
    this.#seen.set(id, before + 1);
    const { toMs, packets } = this.#reach.get(certificate.link.toString('hex')) ?? {
      toMs: undefined,
      packets: undefined,
    };
    if (before < maxCertificates) this.#events.onCertificate?.({ ...certificate, toMs, packets });
    return true;
  }

  #keepLink(link: Buffer, reach: LinkReach): void {
    if (this.#reach.size < maxLinks) this.#reach.set(link.toString('hex'), reach);
  }

  #endRun(): void {
    if (!this.#run) return;
    const { verifier, ...run } = this.#run;
    verifier.end();
    const { final, link } = verifier;
    this.#events.onRunEnd({ ...run, final, link });
    this.#run = undefined;
  }
}
