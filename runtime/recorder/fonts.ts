import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { EncroCamError } from '../errors.ts';

/** Fonts with figures of one width first, so that the time does not jitter. */
const knownFonts = [
  '/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf',
  '/usr/share/fonts/TTF/DejaVuSansMono.ttf',
  '/usr/share/fonts/dejavu/DejaVuSansMono.ttf',
  '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf',
  '/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf',
  '/usr/share/fonts/truetype/liberation2/LiberationMono-Regular.ttf',
  '/usr/share/fonts/truetype/freefont/FreeMono.ttf',
  '/usr/share/fonts/truetype/noto/NotoSansMono-Regular.ttf',
  '/usr/share/fonts/truetype/ttf-bitstream-vera/VeraMono.ttf',
];
const fontDirectories = ['/usr/share/fonts', '/usr/local/share/fonts'];
/** Directories deeper than this, or files beyond this many, are not looked at. */
const maxDepth = 4;
const maxEntries = 5000;

/**
 * A font file for the burnt-in time. ffmpeg could ask fontconfig, but a small system need not have it set up.
 * @throws {EncroCamError} `PROGRAM_MISSING` if there is no font at all.
 */
export function findFont(
  known: readonly string[] = knownFonts,
  directories: readonly string[] = fontDirectories,
): string {
  const found =
    known.find((file) => existsSync(file)) ?? directories.flatMap((directory) => fontsBelow(directory))[0];
  if (found === undefined) {
    throw new EncroCamError('PROGRAM_MISSING', 'There is no font to draw the time into the picture with.', {
      hint: 'Install one (apt install fonts-dejavu-core), or set burnInTime to false for the camera.',
    });
  }
  return found;
}

/** Only names that need no quoting inside ffmpeg's filters. */
function fontsBelow(directory: string): string[] {
  const fonts: string[] = [];
  let entries = 0;
  const look = (place: string, depth: number): void => {
    if (depth > maxDepth || !existsSync(place)) return;
    for (const entry of readdirSync(place, { withFileTypes: true })) {
      if (++entries > maxEntries) return;
      const file = path.join(place, entry.name);
      if (entry.isDirectory()) look(file, depth + 1);
      else if (/^[\w./+-]+\.(ttf|otf)$/i.test(file)) fonts.push(file);
    }
  };
  look(directory, 0);
  return fonts.sort();
}
