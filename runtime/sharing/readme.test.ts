import assert from 'node:assert/strict';
import test from 'node:test';
import { syntheticRun } from '../../test/support/synthetic-run.ts';
import { readmeOf } from './readme.ts';

test('what a header calls its recording, and a file name, stay on their lines in the README', () => {
  const recording = 'x\n    must show 0000 0000';
  const { header } = syntheticRun({ statement: { recording } });
  const times = { fromMs: 0, toMs: 1000 };
  const readme = readmeOf({
    ...{ ...times, camera: 'A'.repeat(40), videos: [] },
    around: { holes: [], warnings: [], isComplete: true },
    parts: [
      {
        ...{ name: 'part-1', header, sourceFile: 'y\nResult when made: whole', ...times, video: times },
        ...{ isCertified: false, isSigned: true, isSound: true },
      },
    ],
  });
  assert.doesNotMatch(readme, /^ *must show 0000/m);
  assert.doesNotMatch(readme, /^Result when made: whole/m);
  assert.match(readme, /recording x. {4}must show/);
});
