/** `encrocam identity`: see the help text. */
import { getAddress } from 'viem/utils';
import { type Command, configOption } from '../../runtime/commands.ts';
import {
  configFileFrom,
  defaultConfigFile,
  type LoadedConfig,
  loadConfig,
} from '../../runtime/config/load.ts';
import { EncroCamError } from '../../runtime/errors.ts';
import { exitCode } from '../../runtime/exit-codes.ts';
import { printable } from '../../runtime/log.ts';
import { openSigner } from './index.ts';
import { forgetRefused } from './refused-pin.ts';
import { stateDirectoryOf } from './state-directory.ts';

const help = `Usage: encrocam identity [--config FILE] [--json] [--try-pin]

Says under which address the chain knows this camera: the owner fills its wallet. Makes the key where there is none yet,
as the configuration (ledger.identity) says. A secure element signs once, to show that it can.

  -c, --config FILE   the configuration (default: $ENCROCAM_CONFIG, or ${defaultConfigFile})
      --json          one JSON object: address, chainId, driver, and key (file) or module, token, label (pkcs11)
      --try-pin       give a secure element the PIN of the configuration although it refused it before
`;

export const command: Command = {
  help,
  options: { ...configOption, json: { type: 'boolean' }, 'try-pin': { type: 'boolean' } },
  async run({ values, positionals }) {
    if (positionals.length > 0) {
      throw new EncroCamError(
        'USAGE',
        `encrocam identity takes no argument ${JSON.stringify(positionals[0])}.`,
        { hint: 'See encrocam identity --help.' },
      );
    }
    const config = await loadConfig(configFileFrom(values.config));
    const { ledger, file } = config;
    if (!ledger) {
      throw new EncroCamError(
        'USAGE',
        `${printable(file)} has no ledger: this camera needs no key for a chain.`,
        {
          hint: 'Add the section ledger (docs/ref/configuration.md) to have one.',
        },
      );
    }
    const { identity, chainId } = ledger;
    const stateDirectory = await stateDirectoryOf(file);
    if (values['try-pin'] === true && identity.driver === 'pkcs11')
      await forgetRefused(identity, stateDirectory);
    const signer = await openSigner(identity, { stateDirectory });
    await signer.close();
    const { address } = signer;
    if (values.json === true) {
      process.stdout.write(`${JSON.stringify({ address, chainId, ...placeOf(identity) }, undefined, 2)}\n`);
      return exitCode.whole;
    }
    // EIP-681: wallets that scan it take address and chain over.
    const uri = `ethereum:${getAddress(address)}@${chainId}`;
    process.stdout.write(`Address   ${getAddress(address)}
Chain     ${chainId}
Key       ${inWords(identity)}

Whoever fills its wallet pays what the camera writes on the chain: ${uri}
`);
    if (process.stdout.isTTY) {
      const { renderUnicodeCompact } = await import('uqr');
      process.stdout.write(`\n${renderUnicodeCompact(uri, { ecc: 'L', border: 2 })}\n`);
    }
    return exitCode.whole;
  },
};

type Identity = NonNullable<LoadedConfig['ledger']>['identity'];

function placeOf(identity: Identity): object {
  if (identity.driver === 'file') return identity;
  const { pin: _, ...shown } = identity;
  return shown;
}

function inWords(identity: Identity): string {
  return identity.driver === 'file'
    ? `file ${printable(identity.key)}`
    : `"${printable(identity.label)}" on the token "${printable(identity.token)}", through ${printable(identity.module)}`;
}
