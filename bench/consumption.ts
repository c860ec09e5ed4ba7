/** Time, processor time and memory of one command. */
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Consumption {
  readonly seconds: number;
  /** Of all its threads, system included. */
  readonly processorSeconds: number;
  readonly peakMebibytes: number;
}

let runs = 0;

/** Runs a program of node's to its end, which says what it used as it exits. */
export async function consumptionOf(program: string, args: readonly string[]): Promise<Consumption> {
  const report = path.join(tmpdir(), `encrocam-bench-${process.pid}-${++runs}.json`);
  // Its maximal resident size, as `resourceUsage` gives it, would be that of whoever started it.
  const teller = `import { readFileSync, writeFileSync } from 'node:fs';
    process.on('exit', () => {
      const peakKibibytes = Number(/^VmHWM:\\s+(\\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
      writeFileSync(${JSON.stringify(report)}, JSON.stringify({ ...process.cpuUsage(), peakKibibytes }));
    });`;
  const env = {
    ...process.env,
    NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(teller)}`,
  };
  const startMs = performance.now();
  await run(program, args, { env });
  const seconds = (performance.now() - startMs) / 1000;
  const usage = JSON.parse(await readFile(report, 'utf8')) as NodeJS.CpuUsage & { peakKibibytes: number };
  await rm(report);
  return {
    seconds,
    processorSeconds: (usage.user + usage.system) / 1e6,
    peakMebibytes: usage.peakKibibytes / 1024,
  };
}
