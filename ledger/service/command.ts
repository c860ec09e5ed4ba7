/** `encrocam ledger`: see the help text. */
import type { ParseArgsOptionsConfig } from 'node:util';
import { type Command, configOption } from '../../runtime/commands.ts';
import { configFileFrom, defaultConfigFile, loadConfig } from '../../runtime/config/load.ts';
import { EncroCamError } from '../../runtime/errors.ts';
import { exitCode } from '../../runtime/exit-codes.ts';
import { createLogger } from '../../runtime/log.ts';
import { acquireLock } from '../../runtime/state/lock.ts';

const options = { ...configOption, once: { type: 'boolean' } } as const satisfies ParseArgsOptionsConfig;

export const command: Command = {
  help: `Usage: encrocam ledger [--config FILE] [--once]

Brings what this camera recorded, and who owns it, onto a public chain: closes periods, makes their trees and proofs, sends
them, and tells the recorder of the newest block. It waits for as long as it takes for network, coins and fees; recording
and upload never wait for it. It runs until it gets SIGTERM or SIGINT. Without a ledger in the configuration it ends at once.

  -c, --config FILE   the configuration (default: $ENCROCAM_CONFIG, or ${defaultConfigFile})
      --once          send what waits, wait for its confirmations, and end; or end where that cannot be done now

Exit codes: 0 all is well; 1 usage, configuration, or another one runs already; 2 with --once: something still waits.
`,
  options,
  async run({ values, positionals }) {
    if (positionals.length > 0) {
      throw new EncroCamError(
        'USAGE',
        `encrocam ledger takes no argument ${JSON.stringify(positionals[0])}.`,
        { hint: 'See encrocam ledger --help.' },
      );
    }
    const config = await loadConfig(configFileFrom(values.config));
    const logger = createLogger(config.log);
    const { ledger } = config;
    if (!ledger) {
      logger.info('the configuration has no ledger: nothing to do');
      return exitCode.whole;
    }
    const once = values.once === true;
    const lock = await acquireLock(config.recordings.directory, 'ledger');
    try {
      // The libraries for a chain are loaded only where there is one.
      const [{ LedgerService }, { openSigner }, { stateDirectoryOf }] = await Promise.all([
        import('./service.ts'),
        import('../identity/index.ts'),
        import('../identity/state-directory.ts'),
      ]);
      const stateDirectory = await stateDirectoryOf(config.file);
      const service = new LedgerService({
        ...{ config, ledger, logger, once },
        openSigner: () => openSigner(ledger.identity, { stateDirectory }),
      });
      const stop = (signal: NodeJS.Signals): void => {
        logger.info('ending', { signal });
        service.stop();
      };
      process.once('SIGTERM', stop).once('SIGINT', stop);
      const complete = await service.run();
      process.off('SIGTERM', stop).off('SIGINT', stop);
      // A node may not answer for long; with the process goes the lock.
      if (service.isCutShort) process.exit(exitCode.whole);
      return once && !complete ? exitCode.incomplete : exitCode.whole;
    } finally {
      await lock.release();
    }
  },
};
