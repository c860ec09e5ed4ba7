import assert from 'node:assert/strict';
import test from 'node:test';
import { parseRecordingName } from '../recordings/names.ts';
import { createScreen } from '../viewer/progress.ts';
import type { Source } from '../viewer/source.ts';
import { ReadingProgress } from './progress.ts';

function sourceOf(...chunks: readonly number[]): Source {
  return {
    ...{ name: 'a recording', access: undefined, close: async () => undefined },
    async *stream() {
      for (const bytes of chunks) yield Buffer.alloc(bytes, 7);
    },
  };
}

test('what was read of all recordings is told on a terminal, with the time reached, and is taken away', async () => {
  for (const isTerminal of [true, false]) {
    let output = '';
    let nowMs = 0;
    const progress = new ReadingProgress(
      createScreen({ write: (text) => (output += text), isTerminal, now: () => nowMs }),
    );
    const recording = parseRecordingName('rec-20270115T080000Z-3600s.encrocam');
    assert.ok(recording);
    let bytes = 0;
    for (const source of [sourceOf(1_000_000, 500_000), sourceOf(2_000_000)]) {
      for await (const chunk of progress.read(source, { recording })) {
        bytes += chunk.length;
        nowMs += 1000;
      }
    }
    progress.end();
    assert.equal(bytes, 3_500_000, 'all of it is handed on');
    assert.equal(/3\.5 MB, 1\.8 MB\/s, at 2027-01-15 \d\d:00/.test(output), isTerminal);
    assert.equal(output.endsWith('\r\u001b[K'), isTerminal);
    assert.equal(output === '', !isTerminal);
  }
});
