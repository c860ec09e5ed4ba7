/** One measurement, in a process of its own: `node bench/measure.ts NAME DIRECTORY RESULT-FILE`. */
import { writeFile } from 'node:fs/promises';
import { measures } from './measures/index.ts';

const [name = '', directory = '', resultFile = ''] = process.argv.slice(2);
const measure = await measures[name]?.();
if (!measure) throw new Error(`no such measurement: ${name}`);
await writeFile(resultFile, JSON.stringify(await measure(directory)));
