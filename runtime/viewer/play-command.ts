/** `encrocam play`: see the help text. */
import type { Command } from '../commands.ts';
import { EncroCamError } from '../errors.ts';
import { exitCode } from '../exit-codes.ts';
import type { LivePlace } from './follow.ts';
import { findInputs, findLiveInputs, type InputsInOrder } from './inputs.ts';
import {
  driveOptions,
  keyOptions,
  liveKeysFrom,
  rangeOptions,
  sharedHelp,
  shareFrom,
  shareOptions,
  stringOption,
  watchKeysFrom,
} from './options.ts';
import { startPlayer } from './player-sink.ts';
import { choosePlayer } from './players.ts';
import { processScreen } from './progress.ts';
import { parseRange } from './time.ts';
import { watch } from './watch.ts';

const help = `Usage: encrocam play INPUT --signed-by KEY [OPTIONS]

Decrypts a recording and shows it with mpv, vlc or ffplay, whichever is installed.

INPUT   a recording; a directory of recordings, which are played in order; "-" for standard input; or
        ftps://USER@HOST/PATH (its password is asked for, or taken from ENCROCAM_FTP_PASSWORD)

${sharedHelp}  --follow               live: INPUT is a directory that recordings are being written to; begin a few
                         seconds before now (or at --from) and go on for ever
  --live                 the same with a live key alone, from --owner or --live-key: what is recorded now, and nothing
                         that was recorded before
  --live-key HEX         a live key that somebody gave you (encrocam live-key)
  --player NAME          mpv, vlc or ffplay

Exit code: 0 whole; 1 usage, input or output; 2 something missing or damaged; 3 not signed by KEY.
`;

/** Long enough to hold a key frame at the default interval of 2 s, short enough to be live. */
const liveMs = 5000;

export const command: Command = {
  help,
  options: {
    ...keyOptions,
    ...shareOptions,
    ...rangeOptions,
    ...driveOptions,
    follow: { type: 'boolean' },
    live: { type: 'boolean' },
    'live-key': { type: 'string' },
    player: { type: 'string' },
  },
  async run(args) {
    const [input, extra] = args.positionals;
    if (input === undefined || extra !== undefined) {
      throw new EncroCamError('USAGE', 'play takes one INPUT.', { hint: 'See encrocam play --help.' });
    }
    const nowMs = Date.now();
    const asked = parseRange(stringOption(args, 'from'), stringOption(args, 'to'), nowMs);
    const isLive = args.values.live === true || args.values['live-key'] !== undefined;
    if (
      isLive &&
      (args.values.share !== undefined || asked.fromMs !== undefined || asked.toMs !== undefined)
    ) {
      throw new EncroCamError('USAGE', '--live shows what is recorded now: no --share, --from or --to.', {
        hint: 'For what was recorded before, leave --live out and give the key for recordings.',
      });
    }
    const follow = args.values.follow === true || isLive;
    const player = await choosePlayer({
      name: stringOption(args, 'player'),
      live: follow,
      searchPath: process.env.PATH ?? '',
    });
    const share = await shareFrom(args, asked);
    const live = isLive ? await liveKeysFrom(args) : undefined;
    const { range, keys } = share ?? { range: asked, keys: live?.keys ?? (await watchKeysFrom(args)) };
    const through = live && ((place: LivePlace) => live.nodes.through(place));
    const stop = new AbortController();
    const { inputs, close }: InputsInOrder = follow
      ? await findLiveInputs(
          input,
          { fromMs: range.fromMs ?? nowMs, signal: stop.signal, ...(through ? { through } : {}) },
          args,
        )
      : await findInputs(input, range, args);
    const sink = startPlayer(player, () => stop.abort());
    try {
      const start = follow && range.fromMs === undefined ? { liveMs } : {};
      const screen = processScreen();
      const options = { range, keys, sink, screen, ...start };
      if (!share) return await watch({ ...options, inputs });
      share.introduce((line) => screen.line(line));
      const watched = await watch({ ...options, inputs, witness: share.witness });
      return share.conclude((line) => screen.line(line), watched);
    } catch (error) {
      // Whoever closes the player has seen enough.
      if (sink.closedByUser) return exitCode.whole;
      throw error;
    } finally {
      await sink.close();
      await close();
    }
  },
};
