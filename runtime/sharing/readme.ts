/** The text that explains an evidence bundle to whoever has to judge it, without EncroCam and without its authors. */
import type { Header } from '../encrocrypt/v3/index.ts';
import { printable } from '../log.ts';
import { type AroundParts, resultText } from './evidence-report.ts';

export interface DescribedPart {
  /** `part-1`. */
  readonly name: string;
  readonly header: Header;
  readonly sourceFile: string;
  /** What was judged, in milliseconds since the run's start; it ends where the run does, if that is earlier. */
  readonly fromMs: number;
  readonly toMs: number;
  /** What the video is made of, the end excluded: from a key frame on, and with what the run has at its very end. */
  readonly video: { readonly fromMs: number; readonly toMs: number };
  /** By a certificate, rather than in its header. */
  readonly isCertified: boolean;
  /** The camera signed something for it: its header or a certificate. */
  readonly isSigned: boolean;
  readonly isSound: boolean;
}

export interface Described {
  /** Milliseconds since the epoch, as asked for. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The camera's fingerprint. */
  readonly camera: string;
  readonly parts: readonly DescribedPart[];
  readonly around: AroundParts;
  readonly videos: readonly { readonly name: string; readonly sha256: string }[];
}

export function readmeOf({ fromMs, toMs, camera, parts, around, videos }: Described): string {
  return `EVIDENCE BUNDLE OF AN ENCROCAM CAMERA
=====================================

What was asked for:  ${utc(fromMs)} to ${utc(toMs)}
Camera (OpenPGP):    ${camera}
Result when made:    ${resultText(parts, around)}. See report.txt
${holesText(around)}
This directory holds what is needed to check a piece of video from a security camera: that this camera recorded it, and that nothing in
it was changed, left out, added, moved or given another time since. The video itself is beside this directory:

${videos.length === 0 ? '    There is none: nothing of it could be decrypted.' : videos.map(({ name, sha256 }) => `    ${name}\n    SHA-256 ${sha256}`).join('\n')}

It is made from the ciphertext in here: unpacked, put into another container, and not encoded again.

ANYBODY WHO HAS THIS DIRECTORY CAN WATCH THE VIDEO: the keys of the part are in it. Keep it as you keep the video.


WHAT IS IN IT
-------------
${parts.map(partText).join('\n')}
camera.public.asc   the camera's public key
share.txt           the same keys as a link, for EncroCam itself: encrocam play part-1.encrocam --signed-by camera.public.asc --share share.txt
report.txt, .json   what EncroCam said of it when this was made. Do not believe it: check
encrocrypt3.py      a reader in less than 300 lines of Python, written from the published format, to check with
SHA256SUMS          that nothing was damaged on the way: sha256sum -c SHA256SUMS


HOW TO CHECK IT
---------------
You need a computer, without network, with Python 3.9 or later, GnuPG, and the Python package "cryptography". On Debian or Ubuntu:

    sudo apt install python3 python3-cryptography gnupg

0.  Is encrocrypt3.py the published reader? Whoever made this bundle could have put another one here, which finds everything intact. Take it
    from EncroCam yourself (runtime/sharing/encrocrypt3.py), or compare what

        sha256sum encrocrypt3.py

    prints with the sum in EncroCam's docs/guide/export.md, of the version that made this bundle; or do without it, as in step 4.

1.  Is the key the camera's? This bundle cannot prove that. Its fingerprint must be the one that the owner, or somebody whom you trust more,
    wrote down when the camera was set up:

        gpg --show-keys --with-fingerprint camera.public.asc

    must show ${spaced(camera)}
    and no other key: one "pub", and this fingerprint. What step 2 prints as "camera" must be the same.

2.  Is the recording the camera's, and complete?

${parts.map(verifyText).join('\n')}
    It must say "intact" from the first number to the last, "signed" (or "certified": the camera was locked when it recorded this,
    and vouched for it when it was unlocked), and end with exit code 0 (echo $?). "tampered", "missing", "unfinished", "locked" and
    "not authentic" mean what they say, and the exit code is then 1.

3.  Is the video what was recorded?

${parts.map(decryptText).join('\n')}
    gives the recorded video out of the ciphertext. Its pictures are those of the video beside this directory; ffmpeg compares them:

        ffmpeg -i part-1.${extensionOf(parts[0])} -map 0:v -fps_mode passthrough -f framemd5 -

    and the same for the MP4: the checksums of the frames are the same, in the same order${parts.length > 1 ? ', one part behind the other' : ''}.

4.  By hand, without our reader: part-1.signed.txt is one line with the hash of the header, and the camera's signature on it is part-1.signed.sig:

        gpg --import camera.public.asc && gpg --verify part-1.signed.sig part-1.signed.txt

    The header names a key that signs a checkpoint every few seconds: over all packets since the one before, and over that one. How, and how the
    hash is made, is in EncroCam's docs/ref/encrocrypt3.md. encrocrypt3.py does no more than that text says.


WHAT IT SHOWS, AND WHAT IT DOES NOT
-----------------------------------
- Vouched for is the time named above for each part. What was recorded before and after is NOT PART OF THIS BUNDLE, and nothing is said of it.
- Times are those of the camera's own clock. ${clockText(parts)}
- Whoever had the camera's secret key could make recordings of things that never happened, from then on; a camera can be shown a picture. No cryptography tells.
- The keys in here open whole segments of the recording, ${segmentText(parts)} each: whoever has the rest of the recording can watch these
  to their ends. They open nothing else, and nobody can sign with them.
`;
}

function holesText({ holes }: AroundParts): string {
  if (holes.length === 0) return '';
  const lines = holes.map(
    ({ state, fromMs, toMs, cause }) => `    ${utc(fromMs)} to ${utc(toMs)}  ${state}: ${printable(cause)}`,
  );
  return `
Of what was asked for there is no video in here from

${lines.join('\n')}

"missing" was recorded, as far as the recordings beside it tell, and is gone. "gap" and "not recorded" are the camera's own word that it did
not record then. "not here" is before or behind all recordings that there were: nothing tells whether there was one. The video goes on
behind each of these as if no time had passed.
`;
}

function partText({ name, header, sourceFile, fromMs, toMs, isCertified, isSigned }: DescribedPart): string {
  const { startMs, runId, recording } = header.statement;
  return [
    `${name}.encrocam     ${utc(startMs + fromMs)} to ${utc(startMs + toMs)}`,
    `                    ciphertext as it was stored, with its header and checkpoints, from ${printable(sourceFile)}`,
    `                    (recording ${printable(recording)}, run ${runId.toString('hex')})`,
    ...(isCertified
      ? ['                    and the certificate by which the camera vouched for it later']
      : []),
    `${name}.nodes.json   the keys of this part, and of nothing else`,
    ...(isSigned ? [`${name}.signed.txt, .sig   a line that the camera signed, and its signature`] : []),
    '',
  ].join('\n');
}

function verifyText({ name, fromMs, toMs }: DescribedPart): string {
  return `        python3 encrocrypt3.py verify ${name}.encrocam --camera camera.public.asc --from ${fromMs} --to ${toMs}\n`;
}

function decryptText(part: DescribedPart): string {
  const {
    name,
    video: { fromMs, toMs },
  } = part;
  return `        python3 encrocrypt3.py decrypt ${name}.encrocam --nodes ${name}.nodes.json --from ${fromMs} --to ${toMs} > ${name}.${extensionOf(part)}\n`;
}

function extensionOf(part: DescribedPart | undefined): string {
  return part?.header.statement.container === 'video/mp2t' ? 'ts' : 'mp4';
}

function clockText(parts: readonly DescribedPart[]): string {
  const said = parts.map(({ header }) => {
    const { state, errorMs } = header.statement.clock;
    const about = errorMs === undefined ? '' : `, off by an estimated ${errorMs} ms`;
    return state === 'synchronised'
      ? `synchronised with the network${about}`
      : state === 'unknown'
        ? 'of unknown state'
        : 'NOT synchronised';
  });
  return `When recording began, it was ${[...new Set(said)].join('; ')}.`;
}

function segmentText(parts: readonly DescribedPart[]): string {
  const lengths = parts.map(({ header }) => `${header.statement.segmentMs / 1000} seconds`);
  return [...new Set(lengths)].join(' or ');
}

function spaced(fingerprint: string): string {
  return fingerprint.replaceAll(/(.{4})(?=.)/g, '$1 ');
}

function utc(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
