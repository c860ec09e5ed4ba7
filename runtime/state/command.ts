import type { ParseArgsOptionsConfig } from 'node:util';
import { type Command, configOption } from '../commands.ts';
import { configFileFrom, defaultConfigFile, loadConfig } from '../config/load.ts';
import { EncroCamError, systemErrorCode } from '../errors.ts';
import { exitCode } from '../exit-codes.ts';
import { periodMsOf, readLedgerState } from './ledger-state.ts';
import { readRecorderState, readSyncerState } from './state.ts';
import { statusOf } from './status.ts';
import { statusText } from './status-text.ts';

const options = {
  ...configOption,
  json: { type: 'boolean' },
} as const satisfies ParseArgsOptionsConfig;

export const command: Command = {
  help: `Usage: encrocam status [--config FILE] [--json]

Says what recorder and syncer are doing: whether they run, the last write and the last upload, what is still to be
uploaded, when retention is due next, and the last problem of each camera; where there is a ledger, what it has on the
chain, what waits, and what is in the camera's wallet.

  -c, --config FILE   the configuration (default: $ENCROCAM_CONFIG, or ${defaultConfigFile})
      --json          one JSON object: nowMs, healthy, problems[], recorder, syncer, ledger, cameras[]; times in
                      milliseconds since 1970, sizes in bytes, absent what is not known

Exit codes: 0 all run and progress; 1 usage or configuration; 2 something is wrong, and the text says what.
`,
  options,
  async run({ values, positionals }) {
    if (positionals.length > 0) {
      throw new EncroCamError(
        'USAGE',
        `encrocam status takes no argument ${JSON.stringify(positionals[0])}.`,
        {
          hint: 'See encrocam status --help.',
        },
      );
    }
    const { cameras, recordings, storage, ledger } = await loadConfig(configFileFrom(values.config));
    const [recorder, syncer, ledgerState] = await Promise.all([
      readRecorderState(recordings.directory),
      readSyncerState(recordings.directory),
      ledger ? readLedgerState(recordings.directory) : undefined,
    ]);
    const status = statusOf({
      nowMs: Date.now(),
      cameras: cameras.map((camera) => camera.name),
      hasDrive: storage.driver !== 'none',
      recorder,
      syncer,
      ...(ledger && {
        ledger: { periodMs: periodMsOf(ledger), lowBalance: ledger.lowBalance, state: ledgerState },
      }),
      isAlive,
    });
    process.stdout.write(values.json === true ? `${JSON.stringify(status, null, 2)}\n` : statusText(status));
    return status.healthy ? exitCode.whole : exitCode.incomplete;
  },
};

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return systemErrorCode(error) === 'EPERM';
  }
}
