/** A running player as a place to write video to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { EncroCamError, messageOf } from '../errors.ts';
import type { Player } from './players.ts';
import type { Sink } from './sink.ts';

export interface PlayerSink extends Sink {
  /** The player ended before all was written, and said that this was in order. */
  readonly closedByUser: boolean;
}

/**
 * A player, and another one for each video that the one before cannot go on with; that one is first let play to its end.
 * @param onEnd called when a player ends without having been asked to.
 */
export function startPlayer(player: Player, onEnd: () => void): PlayerSink {
  let current = startOne(player, onEnd);
  let before = 0;
  return {
    get bytesWritten() {
      return before + current.bytesWritten;
    },
    get closedByUser() {
      return current.closedByUser;
    },
    write: (buffers) => current.write(buffers),
    async next() {
      before += current.bytesWritten;
      await current.close();
      current = startOne(player, onEnd);
    },
    close: () => current.close(),
  };
}

function startOne(player: Player, onEnd: () => void): Omit<PlayerSink, 'next'> {
  const child: ChildProcess = spawn(player.program, player.args, { stdio: ['pipe', 'ignore', 'inherit'] });
  const { stdin } = child;
  if (!stdin) throw new TypeError('spawn gave no pipe');
  let bytesWritten = 0;
  let ended = false;
  let closing = false;
  let failure: EncroCamError | undefined;
  const fail = (reason: string, cause?: unknown): void => {
    failure = new EncroCamError('INPUT_UNREADABLE', `The player ${player.program} ${reason}.`, {
      hint: 'Try another one with --player, or write the video to a file with encrocam decrypt.',
      cause,
    });
  };
  // A player that is closed leaves a broken pipe: its exit says whether that was in order.
  stdin.on('error', () => undefined);
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      fail(`cannot be started: ${messageOf(error)}`, error);
      ended = true;
      resolve();
    });
    child.once('exit', (code, signal) => {
      if (code !== 0 && !closing) fail(`ended with ${signal ?? `exit code ${code}`}`);
      ended = true;
      resolve();
    });
  }).then(() => {
    if (!closing) onEnd();
  });

  const refuseEnded = (): void => {
    if (!ended) return;
    throw failure ?? new EncroCamError('INPUT_UNREADABLE', 'The player was closed.');
  };
  return {
    get bytesWritten() {
      return bytesWritten;
    },
    get closedByUser() {
      return ended && failure === undefined;
    },
    async write(buffers) {
      for (const buffer of buffers) {
        refuseEnded();
        bytesWritten += buffer.length;
        if (!stdin.write(buffer)) await Promise.race([once(stdin, 'drain').catch(() => undefined), exited]);
      }
      refuseEnded();
    },
    /** Lets it play what it has got. */
    async close() {
      closing = true;
      stdin.end();
      await exited;
    },
  };
}
