/** What `encrocam verify --html` writes: one page with everything in it, each day drawn as a bar from midnight to midnight. */
import { localTime } from '../log.ts';
import { durationText } from '../viewer/timeline.ts';
import type { ChainVerification } from './chain/check-chain.ts';
import { chainAsText, chainSummary, isChainSound, provenStretches } from './chain/report.ts';
import { type Day, daysOf } from './days.ts';
import { type Interval, merged, type State } from './interval.ts';
import { clock, isSound, problemsOf, remarksOf, summary, titleOf, type Verification } from './report.ts';

/** From what is well to what is not: the later ones are drawn over the others. Brightness tells them apart too. */
const colours: Readonly<Record<State, string>> = {
  intact: '#2e7d32',
  'not recorded': '#eceff1',
  gap: '#b0bec5',
  'being recorded': '#a5d6a7',
  locked: '#7986cb',
  unfinished: '#fbc02d',
  missing: '#e53935',
  tampered: '#7f0000',
  'not authentic': '#212121',
};

/** A line under what existed before a block. */
const provenColour = '#80d8ff';

const hourMs = 3_600_000;
/** Days on which nothing is intact that are drawn: anybody can make runs of as many as he likes, a header each. */
const maxOtherDays = 1000;
const barWidth = 1440;
const barHeight = 28;
/** What takes a second of a day must be seen all the same. */
const leastWidth = 2;

export function asHtml(
  verifications: readonly Verification[],
  writtenMs: number,
  chain?: ChainVerification,
): string {
  const whole = verifications.every(isSound) && (!chain || isChainSound(chain));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>EncroCam: ${whole ? 'as the cameras recorded it' : 'not everything is as the cameras recorded it'}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem; color: #212121; background: #fff; }
h1, h2, h3 { line-height: 1.2 } h3 { margin: 1.5rem 0 .25rem }
svg { width: 100%; height: auto; display: block; border: 1px solid #90a4ae }
table { border-collapse: collapse } td, th { text-align: left; padding: .15rem 1rem .15rem 0; vertical-align: top }
.key span { display: inline-block; width: 1em; height: 1em; margin: 0 .4em 0 1em; vertical-align: -.1em; border: 1px solid #90a4ae }
.bad { font-weight: bold }
</style>
<h1>What these recordings prove</h1>
<p class="key">${Object.entries(colours)
    .map(([state, colour]) => `<span style="background:${colour}"></span>${state}`)
    .join(' ')}${chain ? ` <span style="background:${provenColour}"></span>proven on the chain` : ''}</p>
${verifications.map((verification) => placeHtml(verification, chain)).join('\n')}
${chain ? chainHtml(chain) : ''}<p>Written ${escaped(localTime(new Date(writtenMs)))}. Times are the cameras' own.</p>
</html>
`;
}

function chainHtml(chain: ChainVerification): string {
  return `<h2>On the chain</h2>
<p${isChainSound(chain) ? '' : ' class="bad"'}>${escaped(chainSummary(chain))}</p>
<pre>${escaped(chainAsText(chain))}</pre>
`;
}

type Stretch = Pick<Interval, 'fromMs' | 'toMs'>;

function placeHtml(verification: Verification, chain: ChainVerification | undefined): string {
  const { timeline, files } = verification;
  const proven = chain ? provenStretches(chain, new Set(files.map(({ name }) => name))) : [];
  const problems = [...problemsOf(verification), ...remarksOf(verification)];
  return `<h2>${escaped(titleOf(verification))}</h2>
<p${isSound(verification) ? '' : ' class="bad"'}>${escaped(summary(verification))}</p>
${problems.length === 0 ? '' : `<ul>${problems.map((problem) => `<li>${escaped(problem)}</li>`).join('')}</ul>`}
${daysHtmlOf(timeline.intervals, proven)}
${detailsHtml(merged(timeline.intervals).filter(({ state, cause }) => state !== 'intact' || cause !== undefined))}`;
}

function daysHtmlOf(intervals: readonly Interval[], proven: readonly Stretch[]): string {
  const days = daysOf(intervals);
  const others = days.filter((day) => day.intervals.every(({ state }) => state !== 'intact'));
  const left = new Set(others.slice(maxOtherDays));
  const drawn = days.filter((day) => !left.has(day)).map((day) => dayHtml(day, proven));
  if (left.size > 0) drawn.push(`<p>${left.size} more days, on which nothing is intact, are not drawn.</p>`);
  return drawn.join('\n');
}

function dayHtml({ startMs, endMs, isOne, intervals }: Day, proven: readonly Stretch[]): string {
  if (!isOne) return daysHtml({ startMs, endMs, intervals });
  const scale = barWidth / (endMs - startMs);
  const severity = Object.keys(colours);
  const drawn = [...intervals].sort(
    (one, other) => severity.indexOf(one.state) - severity.indexOf(other.state),
  );
  const bars = drawn.map((interval) => {
    const from = Math.max(0, (interval.fromMs - startMs) * scale);
    const to = Math.min(barWidth, (interval.toMs - startMs) * scale);
    const width = Math.max(to - from, interval.state === 'intact' ? 0 : leastWidth);
    const text = `${clock(interval.fromMs)} to ${clock(interval.toMs, endMs)}: ${interval.state}${interval.cause ? `, ${interval.cause}` : ''}`;
    return `<rect x="${from.toFixed(2)}" width="${width.toFixed(2)}" height="${barHeight}" fill="${colours[interval.state]}"><title>${escaped(text)}</title></rect>`;
  });
  const lines = proven.flatMap(({ fromMs, toMs }) => {
    const from = Math.max(0, (fromMs - startMs) * scale);
    const width = Math.min(barWidth, (toMs - startMs) * scale) - from;
    if (width <= 0) return [];
    return `<rect x="${from.toFixed(2)}" y="${barHeight - 5}" width="${width.toFixed(2)}" height="5" fill="${provenColour}"/>`;
  });
  // A day in which the clocks are changed has another number of them.
  const hours = Array.from({ length: Math.ceil((endMs - startMs) / hourMs) - 1 }, (_, index) => {
    const timeMs = startMs + (index + 1) * hourMs;
    const x = ((index + 1) * hourMs * scale).toFixed(2);
    const [hour, minute] = clock(timeMs).split(':').map(Number);
    const label =
      minute === 0 && (hour ?? 0) % 6 === 0
        ? `<text x="${x}" y="${barHeight + 14}" font-size="12" text-anchor="middle">${hour}:00</text>`
        : '';
    return `<path d="M${x} ${barHeight}v${label ? 4 : 2}" stroke="#607d8b"/>${label}`;
  });
  return `<h3>${localTime(new Date(startMs)).slice(0, 10)}</h3>
<svg viewBox="0 0 ${barWidth} ${barHeight + 18}" role="img" aria-label="The day from midnight to midnight">${bars.join('')}${lines.join('')}${hours.join('')}</svg>`;
}

function daysHtml({ startMs, endMs, intervals }: Pick<Day, 'startMs' | 'endMs' | 'intervals'>): string {
  const [from, to] = [startMs, endMs - 1].map((timeMs) => localTime(new Date(timeMs)).slice(0, 10));
  const what = intervals.map(({ state, cause }) => escaped(`${state}${cause ? `, ${cause}` : ''}`));
  return `<h3>${from} to ${to}</h3>\n<p>${what.join('<br>')}</p>`;
}

function detailsHtml(intervals: readonly Interval[]): string {
  if (intervals.length === 0) return '';
  const rows = intervals.map(({ state, fromMs, toMs, cause, file }) =>
    [
      localTime(new Date(fromMs)).slice(0, 10),
      `${clock(fromMs)} to ${clock(toMs)}`,
      durationText(toMs - fromMs),
      state,
      cause ?? '',
      state === 'gap' ? '' : (file ?? ''),
    ]
      .map((cell) => `<td>${escaped(cell)}</td>`)
      .join(''),
  );
  const titles = ['day', 'time', 'length', 'what', 'cause', 'file']
    .map((title) => `<th>${title}</th>`)
    .join('');
  return `<table><tr>${titles}</tr>${rows.map((row) => `<tr>${row}</tr>`).join('\n')}</table>`;
}

/** Names of files are whoever's who wrote them. */
function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
