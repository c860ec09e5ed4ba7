/** What Node.js is run with: `docs/design/memory.md` says why. */

/**
 * A small young generation: buffers are given back while they are still in the processor's cache. `bin/encrocam` gives
 * the same.
 */
export const memoryFlags: readonly string[] = [
  '--max-semi-space-size=1',
  '--disable-warning=ExperimentalWarning',
];
/** On a camera. */
export const nodeFlags: readonly string[] = ['--lite-mode', ...memoryFlags];
