/** Exit codes of `encrocam`; documented in `docs/ref/exit-codes.md`. */
export const exitCode = {
  /** All went well; what was read was whole. */
  whole: 0,
  /** Wrong usage or configuration, or a file, program or drive that could not be used. */
  usage: 1,
  /** Something is missing or damaged; what authenticated was written all the same. */
  incomplete: 2,
  /** Signed by somebody else, or by nobody: nothing of it was written. */
  notAuthentic: 3,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
