/**
 * Whether files are what their names say, and their runs follow each other, each from the signed end of the one before: told by each
 * file's beginning and end.
 */
import path from 'node:path';
import { parseRecordingName, recordingBetween } from '../../recordings/names.ts';
import type { FileMap, MappedRun } from './file-map.ts';

export interface MappedFile {
  readonly name: string;
  readonly map: FileMap;
}

export interface LinkFindings {
  readonly problems: readonly string[];
  /** Names of files of which nothing is in its place: another recording's name, or a run that another file holds. */
  readonly misplaced: ReadonlySet<string>;
}

/** @param files of one camera, in the order of time. */
export function linksBetween(files: readonly MappedFile[]): LinkFindings {
  const problems: string[] = [];
  const misplaced = new Set<string>();
  const seen = new Map<string, string>();
  let before: MappedRun | undefined;
  for (const { name, map } of files) {
    if (map.kind === 'unmapped') {
      problems.push(`${name}: ${map.why}`);
      // What follows it cannot be asked whether it does.
      before = undefined;
      continue;
    }
    const others = otherNames(name, map.runs);
    for (const recorded of others)
      problems.push(`${name}: its name is another recording's; the camera recorded it as ${recorded}`);
    if (others.length > 0) misplaced.add(name);
    for (const run of map.runs) {
      const id = run.header.hash.toString('hex');
      const twin = seen.get(id);
      if (twin !== undefined) {
        problems.push(`${name} holds a run that is in ${twin} as well`);
        misplaced.add(name);
        continue;
      }
      seen.set(id, name);
      const broken = before && brokenLink(before, run);
      if (broken !== undefined) problems.push(`${name}: ${broken}`);
      if (run.last.isBroken) problems.push(`${name}: its end is not as the camera recorded it`);
      before = run;
    }
  }
  return { problems, misplaced };
}

/** What the camera called the runs of a file, where that has the name of another recording. A name of somebody's own claims nothing. */
function otherNames(name: string, runs: readonly MappedRun[]): string[] {
  const parsed = parseRecordingName(path.posix.basename(name));
  if (!parsed) return [];
  // A copy that was kept beside another one has its name, and a number.
  const own = recordingBetween(parsed.startMs, parsed.startMs + parsed.lengthMs).fileName;
  const recorded = runs.map(({ header }) => header.statement.recording);
  return [...new Set(recorded.filter((other) => other !== own))];
}

function brokenLink(before: MappedRun, { header }: MappedRun): string | undefined {
  const { previous } = header.statement;
  if (!previous) return 'the camera began anew here, and does not know what was before';
  if (!previous.runId.equals(before.header.statement.runId))
    return 'the recording before this one is not here';
  return previous.link.equals(before.last.link) ? undefined : 'the end of the recording before is not here';
}
