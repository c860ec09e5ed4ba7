/**
 * What the scenarios did and how long they took: `build/qemu/report.md` and `report.json`, written anew after each
 * scenario, so that a run that is cut off leaves what it has seen.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { artifactsDirectory } from './artifacts.ts';
import { stopAllMachines } from './machine.ts';

export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the design asks for: told, never enforced, as machines are shared and noisy. */
  readonly atMost?: number;
}

interface ScenarioRecord {
  readonly group: string;
  readonly scenario: string;
  readonly outcome: 'passed' | 'failed';
  readonly seconds: number;
  readonly finishedAt: string;
  readonly measurements: readonly Measurement[];
  /** Files beside the report: transcripts and pictures. */
  readonly files: readonly string[];
  readonly problem?: string;
}

/** What a scenario adds to its line in the report. */
export interface Notes {
  measure(measurement: Measurement): void;
  attach(file: string): void;
}

const resultsDirectory = path.join(artifactsDirectory, 'results');
const scenarioTimeoutMs = 90 * 60_000;

/**
 * The scenarios of one test file, in order: each goes on from where the one before left the machine. A failed one
 * leaves no machine running, and those after it fail at once with its reason instead of a minute later with another.
 */
export function scenarios(group: string): (name: string, body: (notes: Notes) => Promise<void>) => void {
  const directory = path.join(resultsDirectory, group);
  const cleared = rm(directory, { recursive: true, force: true });
  let number = 0;
  let failed: string | undefined;
  after(stopAllMachines);
  return (name, body) => {
    const index = ++number;
    test(name, { timeout: scenarioTimeoutMs }, async () => {
      await cleared;
      if (failed !== undefined) throw new Error(`Not tried: "${failed}" failed before it.`);
      const startedMs = Date.now();
      const measurements: Measurement[] = [];
      const files: string[] = [];
      const notes: Notes = {
        measure: (measurement) => void measurements.push(measurement),
        attach: (file) => void files.push(path.relative(artifactsDirectory, file)),
      };
      let problem: unknown;
      try {
        await body(notes);
      } catch (error) {
        problem = error;
        failed = name;
        await stopAllMachines();
      }
      await writeRecord(directory, index, {
        group,
        scenario: name,
        outcome: problem === undefined ? 'passed' : 'failed',
        seconds: Math.round((Date.now() - startedMs) / 100) / 10,
        finishedAt: new Date().toISOString(),
        measurements,
        files,
        ...(problem === undefined ? {} : { problem: String(problem) }),
      });
      if (problem !== undefined) throw problem;
    });
  };
}

async function writeRecord(directory: string, index: number, record: ScenarioRecord): Promise<void> {
  await mkdir(directory, { recursive: true });
  const file = path.join(directory, `${String(index).padStart(2, '0')}.json`);
  await replace(file, `${JSON.stringify(record, undefined, 2)}\n`);
  await writeReport();
}

async function writeReport(): Promise<void> {
  const records: ScenarioRecord[] = [];
  for (const group of (await readdir(resultsDirectory)).sort()) {
    for (const name of (await readdir(path.join(resultsDirectory, group))).sort()) {
      if (!name.endsWith('.json')) continue;
      records.push(JSON.parse(await readFile(path.join(resultsDirectory, group, name), 'utf8')));
    }
  }
  await replace(path.join(artifactsDirectory, 'report.json'), `${JSON.stringify(records, undefined, 2)}\n`);
  await replace(path.join(artifactsDirectory, 'report.md'), markdown(records));
}

export function markdown(records: readonly ScenarioRecord[]): string {
  const lines = ['# Scenarios in QEMU', ''];
  for (const group of new Set(records.map((record) => record.group))) {
    lines.push(
      `## ${group}`,
      '',
      '| scenario | outcome | seconds | measured |',
      '| --- | --- | ---: | --- |',
    );
    for (const record of records.filter((one) => one.group === group)) {
      const measured = record.measurements.map(describe).join('; ');
      lines.push(`| ${record.scenario} | ${record.outcome} | ${record.seconds} | ${measured} |`);
    }
    lines.push('');
    for (const { scenario, problem } of records.filter((one) => one.group === group)) {
      if (problem !== undefined) lines.push(`**${scenario}**`, '', '```', problem, '```', '');
    }
  }
  const total = records.reduce((sum, { seconds }) => sum + seconds, 0);
  const passed = records.filter(({ outcome }) => outcome === 'passed').length;
  lines.push(`${passed} of ${records.length} passed; ${Math.round(total)} s.`, '');
  return lines.join('\n');
}

function describe({ name, value, unit, atMost }: Measurement): string {
  const target = atMost === undefined ? '' : ` (at most ${atMost} asked)`;
  return `${name}: ${Math.round(value * 10) / 10} ${unit}${target}`;
}

async function replace(file: string, content: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, content);
  await rename(temporary, file);
}
