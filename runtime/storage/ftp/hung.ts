/**
 * Uploads whose line went dead. Closed in the ordinary way, the kernel would go on offering what was not confirmed
 * for a quarter of an hour, and deliver it behind what a later session appended; reset at once, the server would not
 * hear of it, and some (vsftpd) keep the file locked for minutes. So they are left alone until the line is back, which
 * a new session shows, and reset then: the server drops them at once, and nothing old arrives.
 */
import type { Socket } from 'node:net';

/** Each has its unsent bytes in the kernel; a line that is dead for days must not collect them. */
const maxHung = 8;

export class HungUploads {
  readonly #sockets: Socket[] = [];

  /** @param socket the TCP connection itself, not the TLS on it */
  add(socket: Socket): void {
    // A process that ends does not wait for it.
    this.#sockets.push(socket.unref());
    if (this.#sockets.length > maxHung) this.#sockets.shift()?.resetAndDestroy();
  }

  /** To be called as soon as a new session stands, before it looks at what the drive holds. */
  reset(): void {
    for (const socket of this.#sockets.splice(0)) socket.resetAndDestroy();
  }
}
