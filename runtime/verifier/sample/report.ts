/** What samples found and prove, as text for people and as JSON for programs. */
import { printable } from '../../log.ts';
import { sizeText } from '../../viewer/timeline.ts';
import { type Audit, isAuditSound, undetectedShare } from './audit.ts';
import type { Sample } from './file-sampler.ts';

const confidence = 0.95;
/** Places of one kind that are told; programs are told all. */
const maxTold = 10;
const claim =
  'where sound is true: of the bytes in these files a share of less than undetectedShare, with this confidence, is not what the camera signed, ' +
  'in the order in which it did, each once, but for a copy of a header or certificate between two checkpoints; every file begins and ends as the camera ' +
  'signed it, and follows the one before';
const notClaimed =
  'whether time is missing within a file, between its beginning and its end: that is told by reading everything, without --sample';

export function auditAsText(result: Audit): string {
  const { place, files, sizeBytes, bytesRead, samples, problems, remarks } = result;
  const lines = [
    printable(place),
    `  ${samples.length} samples in ${files} file${files === 1 ? '' : 's'} of ${sizeText(sizeBytes)}, ${sizeText(bytesRead)} read`,
    ...problems.map((problem) => `  ! ${printable(problem)}`),
    ...told(samples, 'damaged', 'damaged, or not all there'),
    ...told(samples, 'misplaced', "the camera's, and out of its order, or there more than once"),
    ...remarks.map((remark) => `  - ${printable(remark)}`),
    ...verdict(result).map((line) => `  ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

function told(samples: Audit['samples'], verdict: Sample['verdict'], what: string): string[] {
  const found = samples.filter((sample) => sample.verdict === verdict);
  const more = found.length - maxTold;
  return [
    ...found
      .slice(0, maxTold)
      .map(({ file, offset }) => `  ! ${what}: ${printable(file)} behind byte ${offset}`),
    ...(more > 0 ? [`  ! ${what}: ${more} more places`] : []),
  ];
}

function verdict(result: Audit): string[] {
  const { samples } = result;
  const numberOf = (...verdicts: Sample['verdict'][]): number =>
    samples.filter((sample) => verdicts.includes(sample.verdict)).length;
  const all = samples.length;
  const wrong = numberOf('damaged', 'misplaced');
  if (wrong > 0) return [`${wrong} of ${all} samples are NOT as the camera recorded it: ${everything}`];
  if (numberOf('intact') === 0) return ['nothing that the camera signed was found at any of these places'];
  const unsigned = numberOf('unsigned');
  if (unsigned > 0) {
    return [
      `nothing vouches for ${unsigned} of ${all} places (an end that was never signed, or noise): ${everything}`,
    ];
  }
  const share = (100 * undetectedShare(all, confidence)).toPrecision(2);
  return [
    `all samples are in their place: with ${100 * confidence} % confidence less than ${share} % of these bytes are not what the camera signed, in its order, each once.`,
    ...(isAuditSound(result)
      ? ['Each file begins and ends as the camera signed it, and follows the one before.']
      : [`As a whole it is NOT as the camera recorded it: ${everything}`]),
    'Whether time is missing within a file is told only by checking everything, without --sample.',
  ];
}

const everything = 'check everything, without --sample';

/** `undetectedShare` is null where a sample was not intact: then nothing is said of the rest. */
export function auditsAsJson(audits: readonly Audit[]): string {
  const places = audits.map((result) => {
    const { samples } = result;
    const isIntact = samples.length > 0 && samples.every((sample) => sample.verdict === 'intact');
    return {
      ...result,
      sound: isAuditSound(result),
      confidence,
      undetectedShare: isIntact ? undetectedShare(samples.length, confidence) : null,
    };
  });
  return `${JSON.stringify({ places, claim, notClaimed }, undefined, 2)}\n`;
}
