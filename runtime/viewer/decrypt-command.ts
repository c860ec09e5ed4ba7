/** `encrocam decrypt`: see the help text. */
import type { Command } from '../commands.ts';
import { EncroCamError } from '../errors.ts';
import { findInputs } from './inputs.ts';
import {
  driveOptions,
  keyOptions,
  rangeOptions,
  sharedHelp,
  shareFrom,
  shareOptions,
  stringOption,
  watchKeysFrom,
} from './options.ts';
import { processScreen } from './progress.ts';
import { openSink } from './sink.ts';
import { parseRange } from './time.ts';
import { watch } from './watch.ts';

const help = `Usage: encrocam decrypt INPUT [OUTPUT] --signed-by KEY [OPTIONS]

Decrypts a recording to video (MP4 or MPEG-TS, as it was recorded), packet by packet: it can be played while it is
being written.

INPUT   a recording; a directory of recordings, which are played in order; "-" for standard input; or
        ftps://USER@HOST/PATH (its password is asked for, or taken from ENCROCAM_FTP_PASSWORD).
        ftp:// sends the password in the clear.
OUTPUT  a file that does not exist yet; "-", the default, is standard output. Where another kind of video follows, such as
        another resolution, it gets a file of its own: hour.mp4, hour.2.mp4, …

${sharedHelp}  --force                overwrite OUTPUT

What is missing or damaged is told on standard error. The video begins with the key frame before --from. In recordings of
EncroCrypt2 the times that --from and --to go by are whole minutes, and not authenticated: the time burnt into the
picture is.
Exit code: 0 whole; 1 usage, input or output; 2 something missing or damaged; 3 not signed by KEY.
`;

export const command: Command = {
  help,
  options: { ...keyOptions, ...shareOptions, ...rangeOptions, ...driveOptions, force: { type: 'boolean' } },
  async run(args) {
    const [input, output = '-', extra] = args.positionals;
    if (input === undefined || extra !== undefined) {
      throw new EncroCamError('USAGE', 'decrypt takes one INPUT and at most one OUTPUT.', {
        hint: 'See encrocam decrypt --help.',
      });
    }
    const asked = parseRange(stringOption(args, 'from'), stringOption(args, 'to'), Date.now());
    const share = await shareFrom(args, asked);
    const { range, keys } = share ?? { range: asked, keys: await watchKeysFrom(args) };
    const { inputs, close } = await findInputs(input, range, args);
    try {
      const sink = await openSink(output, { force: args.values.force === true });
      try {
        const screen = processScreen();
        const options = { range, keys, sink, screen };
        if (!share) return await watch({ ...options, inputs });
        share.introduce((line) => screen.line(line));
        const watched = await watch({ ...options, inputs, witness: share.witness });
        return share.conclude((line) => screen.line(line), watched);
      } finally {
        await sink.close();
      }
    } finally {
      await close();
    }
  },
};
