import type { Command } from '../commands.ts';
import { exitCode } from '../exit-codes.ts';
import { configFileFrom, loadConfig } from './load.ts';
import { chosen, configSchema, resolveNode, type SchemaNode } from './schema.ts';

export const command: Command = {
  help: `Usage: encrocam config [--config FILE]

Checks a configuration against every rule and prints it as the services see it: defaults filled in, paths absolute,
secrets replaced by "(secret)". All settings: docs/ref/configuration.md.

Options:
  -c, --config FILE   the configuration (default: $ENCROCAM_CONFIG, else /etc/encrocam/config.json)
`,
  options: { config: { type: 'string', short: 'c' } },
  async run({ values }) {
    const config = await loadConfig(configFileFrom(values.config));
    process.stdout.write(`${JSON.stringify(withoutSecrets(config, configSchema), undefined, 2)}\n`);
    return exitCode.whole;
  },
};

/** A copy in which every value that the schema calls secret is replaced. */
export function withoutSecrets(value: unknown, rawNode: SchemaNode | undefined): unknown {
  const node = rawNode && resolveNode(rawNode);
  if (node?.secret) return '(secret)';
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, node?.items));
  // An address may carry credentials whatever the schema says of the setting: rtsp://user:password@camera/.
  if (typeof value === 'string') return value.replaceAll(/\/\/[^\s/@]+@/g, '//(secret)@');
  if (typeof value !== 'object' || value === null) return value;
  const object = value as Record<string, unknown>;
  const properties = (node && chosen(node, value))?.properties;
  return Object.fromEntries(
    Object.entries(object).map(([name, child]) => [name, withoutSecrets(child, properties?.[name])]),
  );
}
