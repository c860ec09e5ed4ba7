/** What both formats share: cutting a stream of bytes into packets, and finding the way back after damage. */

/** Why a stretch of a file was passed over. */
export type SkipReason =
  /** Bytes that belong to no packet. */
  | 'garbage'
  /** A header whose type or length cannot be. */
  | 'bad-header'
  /** The file ends, or the next packet begins, before this one is whole. */
  | 'cut'
  /** The packet does not authenticate: damaged, forged, or not under this key. */
  | 'not-authentic'
  /** A video packet for which no usable key packet, or header, came before. */
  | 'no-key'
  /** Outside of the part that somebody was given: nothing is wrong with it. */
  | 'not-given'
  /** A genuine packet that stood in the file before, or does not stand in its order. */
  | 'repeated';

export interface Position {
  /** Of the packet's or stretch's first byte, counted from where the reader began. */
  readonly offset: number;
}

export interface Skip extends Position {
  readonly kind: 'skip';
  readonly length: number;
  readonly reason: SkipReason;
}

/** What packets of a format look like. */
export interface Envelope<Packet> {
  readonly magic: Buffer;
  /** Magic, type, length and whatever else comes before the body. */
  readonly headerBytes: number;
  readonly maxBodyBytes: number;
  /** What the header at `start` says, all of which is there; `undefined` where it cannot be one. */
  bodyBytes(buffer: Buffer, start: number): number | undefined;
  /**
   * Whether the packet at `start` counts only if another one, or the end, follows it: for those who cannot tell a
   * genuine one by itself. Default: none does.
   */
  needsFollower?(buffer: Buffer, start: number): boolean;
  /** @param bytes the whole packet, with its header; valid until the next call. */
  packet(bytes: Buffer, offset: number): Packet;
}

/**
 * Cuts a byte stream into packets and finds its way back after damage.
 *
 *     cutter.push(chunk);
 *     for (let item = cutter.next(); item; item = cutter.next()) {
 *       if (item.kind === 'skip') …report it…
 *       else if (!…it authenticates…) cutter.reject(reason);
 *     }
 *     …after the last chunk: cutter.end(), then next() until it gives undefined.
 *
 * A packet is taken at its word first, because a magic may occur inside a body by chance; if it turns out not to
 * authenticate, `reject` goes back and looks for the next magic *inside* it, so that a wrong length swallows
 * nothing. Every byte of the stream is in exactly one packet or skip.
 *
 * Memory: at most one packet and one chunk are held. A chunk must stay as it is until `next` has given `undefined` after the push of the one
 * behind it.
 */
export class PacketCutter<Packet> {
  readonly #envelope: Envelope<Packet>;
  #buffer: Buffer = Buffer.alloc(0);
  /** What `#buffer` is the beginning of, when it is ours and has room behind; otherwise `undefined`. */
  #owned: Buffer | undefined;
  /** Begins with a magic right behind the buffer, and is joined to it only if what is left there is not a packet after all. */
  #following: Uint8Array | undefined;
  /** Offset in the stream of the buffer's first byte. */
  #base: number;
  readonly #origin: number;
  /** Sum of the lengths of all packets that were rejected. */
  #rejectedBytes = 0;
  /** Where in the buffer the next packet is looked for. */
  #position = 0;
  #ended = false;
  /** The packet that was given out last, while it can still be rejected. */
  #last: { start: number; end: number } | undefined;
  /** A skip that is still growing: neighbouring ones with one reason are told as one. */
  #skip: { offset: number; length: number; reason: SkipReason } | undefined;

  /** @param offset where in the file the stream begins, for the positions that are reported. */
  constructor(envelope: Envelope<Packet>, offset = 0) {
    this.#envelope = envelope;
    this.#base = offset;
    this.#origin = offset;
  }

  push(chunk: Uint8Array): void {
    if (this.#ended) throw new TypeError('push after end');
    this.#last = undefined;
    this.#joinFollowing();
    // Where a file is read in pieces that end where packets end, all that the last one waits for is what follows.
    if (this.#isOnePacketLeft() && startsWith(chunk, this.#envelope.magic)) this.#following = chunk;
    else this.#join(chunk);
  }

  #joinFollowing(): void {
    const following = this.#following;
    this.#following = undefined;
    if (following) this.#join(following);
  }

  #isOnePacketLeft(): boolean {
    const { headerBytes } = this.#envelope;
    const available = this.#buffer.length - this.#position;
    if (available <= headerBytes || !this.#startsWithMagic(this.#position)) return false;
    return this.#envelope.bodyBytes(this.#buffer, this.#position) === available - headerBytes;
  }

  #join(chunk: Uint8Array): void {
    const rest = this.#buffer.subarray(this.#position);
    if (rest.length === 0) {
      this.#base += this.#position;
      this.#position = 0;
      this.#owned = undefined;
      this.#buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      return;
    }
    const length = this.#buffer.length + chunk.length;
    if (this.#owned && length <= this.#owned.length) {
      this.#owned.set(chunk, this.#buffer.length);
      this.#buffer = this.#owned.subarray(0, length);
      return;
    }
    // Room to double: a packet that arrives byte by byte must not be copied at each of them.
    this.#owned = Buffer.allocUnsafeSlow(Math.max(rest.length + chunk.length, 2 * rest.length));
    this.#owned.set(rest);
    this.#owned.set(chunk, rest.length);
    this.#buffer = this.#owned.subarray(0, rest.length + chunk.length);
    this.#base += this.#position;
    this.#position = 0;
  }

  /** No more bytes will come: what is incomplete now is cut. */
  end(): void {
    this.#joinFollowing();
    this.#ended = true;
  }

  /** The next packet or skip, or `undefined` when more bytes are needed (or, after `end`, none are left). */
  next(): Packet | Skip | undefined {
    const item = this.#next();
    if (item !== undefined || !this.#following) return item;
    this.#joinFollowing();
    return this.#next();
  }

  #next(): Packet | Skip | undefined {
    const { magic, headerBytes } = this.#envelope;
    this.#last = undefined;
    for (;;) {
      const start = this.#position;
      const available = this.#buffer.length - start;
      if (available === 0) return this.#ended ? this.#takeSkip() : undefined;

      if (!this.#startsWithMagic(start)) {
        const found = this.#buffer.indexOf(magic, start);
        // Without a find, the last bytes may be the beginning of a magic.
        const keep = this.#ended ? 0 : Math.min(available, magic.length - 1);
        const end = found === -1 ? this.#buffer.length - keep : found;
        if (end > start) {
          const finished = this.#pass(end - start, 'garbage');
          if (finished) return finished;
        }
        if (found === -1 && !this.#ended) return undefined;
        continue;
      }

      if (available < headerBytes) {
        if (!this.#ended) return undefined;
        const finished = this.#pass(available, 'cut');
        if (finished) return finished;
        continue;
      }

      const bodyBytes = this.#envelope.bodyBytes(this.#buffer, start);
      if (bodyBytes === undefined) {
        const finished = this.#pass(magic.length, 'bad-header');
        if (finished) return finished;
        continue;
      }
      if (available < headerBytes + bodyBytes) {
        if (!this.#ended) return undefined;
        const finished = this.#passTo(this.#magicAfter(start, this.#buffer.length), 'cut');
        if (finished) return finished;
        continue;
      }

      const end = start + headerBytes + bodyBytes;
      if (this.#rejectedBytes > this.#maxRejectedBytes(start)) {
        const inside = this.#magicAfter(start, end);
        if (inside < end) {
          const finished = this.#passTo(inside, 'cut');
          if (finished) return finished;
          continue;
        }
      }
      if (this.#envelope.needsFollower?.(this.#buffer, start)) {
        const isFollowed = this.#following !== undefined && end === this.#buffer.length;
        const next = isFollowed ? magic : this.#buffer.subarray(end, end + magic.length);
        if (next.length < magic.length && !this.#ended) return undefined;
        if (!next.equals(magic.subarray(0, next.length))) {
          const finished = this.#passTo(this.#magicAfter(start, end), 'cut');
          if (finished) return finished;
          continue;
        }
      }
      const skip = this.#takeSkip();
      if (skip) return skip;
      this.#position = end;
      this.#last = { start, end };
      return this.#envelope.packet(this.#buffer.subarray(start, end), this.#base + start);
    }
  }

  /**
   * Says that the packet that `next` gave last does not authenticate: it becomes a skip, up to the next magic
   * inside it or to its end.
   */
  reject(reason: SkipReason = 'not-authentic'): void {
    const last = this.#last;
    if (!last) throw new TypeError('reject without a packet');
    this.#last = undefined;
    this.#rejectedBytes += last.end - last.start;
    const inside = this.#magicAfter(last.start, last.end);
    this.#position = last.start;
    // A magic inside: this packet was cut short and another one begins there, or so it seems.
    const finished = this.#passTo(inside, inside < last.end && reason === 'not-authentic' ? 'cut' : reason);
    if (finished) throw new TypeError('a skip was still open');
  }

  #startsWithMagic(start: number): boolean {
    const { magic } = this.#envelope;
    const end = start + magic.length;
    return end <= this.#buffer.length && this.#buffer.compare(magic, 0, magic.length, start, end) === 0;
  }

  /** Where the next magic begins after the one at `start`, or `end` if none begins before that. */
  #magicAfter(start: number, end: number): number {
    const { magic } = this.#envelope;
    const found = this.#buffer.subarray(0, end + magic.length - 1).indexOf(magic, start + 1);
    if (found !== -1) return found;
    // The buffer may stop in the middle of a magic that begins before `end`; not where another one follows: none ends as it begins.
    if (!this.#ended && !this.#following) {
      for (
        let position = Math.max(start + 1, this.#buffer.length - magic.length + 1);
        position < end;
        position++
      ) {
        const length = this.#buffer.length - position;
        if (this.#buffer.compare(magic, 0, length, position) === 0) return position;
      }
    }
    return end;
  }

  /**
   * Somebody who fills a file with headers that each claim 10 MiB could make a reader decrypt every byte half a
   * million times. Beyond this much vain work, a packet with a magic inside is taken for a cut one right away: with a
   * long magic, that is hardly ever so by chance.
   */
  #maxRejectedBytes(position: number): number {
    return 4 * this.#envelope.maxBodyBytes + 4 * (this.#base + position - this.#origin);
  }

  #passTo(position: number, reason: SkipReason): Skip | undefined {
    return this.#pass(position - this.#position, reason);
  }

  /** Adds to the open skip; gives it out if this one has another reason. */
  #pass(length: number, reason: SkipReason): Skip | undefined {
    const offset = this.#base + this.#position;
    const open = this.#skip;
    if (open && open.reason === reason && open.offset + open.length === offset) {
      open.length += length;
      this.#position += length;
      return undefined;
    }
    this.#skip = { offset, length, reason };
    this.#position += length;
    return open && { kind: 'skip', ...open };
  }

  #takeSkip(): Skip | undefined {
    const open = this.#skip;
    this.#skip = undefined;
    return open && { kind: 'skip', ...open };
  }
}

function startsWith(chunk: Uint8Array, magic: Buffer): boolean {
  return chunk.length >= magic.length && magic.equals(chunk.subarray(0, magic.length));
}
