/**
 * Writes what follows from `config.schema.json`, from the table of error codes and from the contracts: TypeScript
 * types, reference pages, ABIs. `--check` writes nothing and fails if a file is not as it would be written.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { generateContracts } from '../contracts/compile.ts';
import { answersSchema, configSchema, resolveNode, type SchemaNode } from '../runtime/config/schema.ts';
import { errorCodes } from '../runtime/errors.ts';

const root = new URL('..', import.meta.url);

/** Where a setting has a default, the loaded configuration always has it: there it counts as required. */
function withDefaultsRequired(node: SchemaNode): SchemaNode {
  const copy: SchemaNode = { ...node };
  delete copy.default;
  if (copy.properties) {
    const required = new Set(copy.required);
    for (const [name, child] of Object.entries(copy.properties)) {
      if (resolveNode(child).default !== undefined) required.add(name);
    }
    copy.required = [...required];
    copy.properties = Object.fromEntries(
      Object.entries(copy.properties).map(([name, child]) => [name, withDefaultsRequired(child)]),
    );
  }
  if (copy.items) {
    copy.items = withDefaultsRequired(copy.items);
    // Tuples up to the longest list would be the type otherwise.
    delete copy.maxItems;
  }
  if (copy.oneOf) {
    copy.oneOf = copy.oneOf.map(withDefaultsRequired);
    delete copy.type;
    delete copy.required;
  }
  if (copy.$defs) {
    copy.$defs = Object.fromEntries(
      Object.entries(copy.$defs).map(([name, child]) => [name, withDefaultsRequired(child)]),
    );
  }
  return copy;
}

async function types(schema: SchemaNode, about: string): Promise<string> {
  return compile(withDefaultsRequired(schema) as unknown as JSONSchema, schema.title ?? '', {
    bannerComment:
      '// Written by ci/generate.ts from config.schema.json: change that, then run `make generate`.\n' +
      `// ${about}\n` +
      '// biome-ignore-all format: generated',
    additionalProperties: false,
    unreachableDefinitions: false,
    style: { singleQuote: true, printWidth: 110 },
  });
}

const notice =
  '<!-- Written by ci/generate.ts from config.schema.json: change that, then run `make generate`. -->';

function configurationPage(): string {
  return [
    '# Configuration',
    '',
    notice,
    '',
    'One JSON file, `/etc/encrocam/config.json` unless `--config FILE` or `ENCROCAM_CONFIG` says otherwise.',
    `${configSchema.description}`,
    '',
    'The least that is needed:',
    '',
    ...jsonBlock({
      owner: { keys: ['owner.asc'] },
      signing: { key: 'camera.secret.asc' },
      cameras: [{ name: 'front-door', input: { device: '/dev/video0' } }],
    }),
    ...section('The whole file', configSchema, ''),
    '',
  ].join('\n');
}

function answersPage(): string {
  return [
    '# Answers for a new camera',
    '',
    notice,
    '',
    `${answersSchema.description}`,
    'A file with all that is required sets the camera up by itself; the wizard asks for what a file leaves out.',
    'What is secret in it is overwritten and removed from the boot partition as soon as it is inside.',
    'A file that is refused is written back with the reason beside it.',
    '',
    'The least that is needed:',
    '',
    ...jsonBlock({
      unlocking: { passphrase: 'six words picked at random' },
      owner: { keys: [{ from: 'file', file: 'owner.asc' }] },
      cameras: [{ name: 'front-door', input: { device: '/dev/video0' } }],
    }),
    ...section('The whole file', answersSchema, ''),
    '',
  ].join('\n');
}

function jsonBlock(value: unknown): string[] {
  return ['```json', JSON.stringify(value, undefined, 2), '```', ''];
}

/** A table of the settings below `node`, and one for each object among them. */
function section(title: string, node: SchemaNode, prefix: string): string[] {
  const lines = [`## ${title}`, '', ...(node.description ? [node.description, ''] : [])];
  const deeper: string[][] = [];
  const rows: string[] = [];
  for (const [name, raw] of Object.entries(node.properties ?? {})) {
    if (name === '$schema') continue;
    const child = resolveNode(raw);
    const item = child.items ? resolveNode(child.items) : undefined;
    const path = `${prefix}${name}`;
    const marks = [
      child.secret ? 'Secret.' : '',
      child.beforeUnlocking ? 'Readable before unlocking.' : '',
      exampleOf(child),
    ];
    rows.push(
      `| \`${path}\` | ${cell([child.description, ...marks].filter(Boolean).join(' '))} | ${cell(allowed(child))} | ${defaultOf(child, node.required?.includes(name) ?? false)} |`,
    );
    if (child.properties) deeper.push(section(`\`${path}\``, child, `${path}.`));
    if (item?.properties) deeper.push(section(`\`${path}[]\``, item, `${path}[].`));
    deeper.push(...variants(path, child));
    if (item) deeper.push(...variants(`${path}[]`, item));
  }
  const table = ['| setting | what | allowed | default |', '| --- | --- | --- | --- |', ...rows];
  return [lines, table, ...deeper.map((part) => ['', ...part])].flat();
}

/** One table for each alternative of a setting with `oneOf`. */
function variants(path: string, node: SchemaNode): string[][] {
  const tag = node.discriminator?.propertyName ?? '';
  return (node.oneOf ?? []).map((one) => {
    const variant = resolveNode(one);
    const value = String(variant.properties?.[tag]?.const);
    return section(`\`${path}\` with ${tag} \`${value}\``, variant, `${path}.`);
  });
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function exampleOf(node: SchemaNode): string {
  const examples = node.examples ?? [];
  return examples.length === 0
    ? ''
    : `Example: ${examples.map((value) => `\`${JSON.stringify(value)}\``).join(', ')}.`;
}

function defaultOf(node: SchemaNode, required: boolean): string {
  if (required) return 'required';
  if (node.default === undefined || (node.type === 'object' && !node.oneOf)) return '—';
  return `\`${JSON.stringify(node.default)}\``;
}

function allowed(node: SchemaNode): string {
  const unit = node.unit ? ` ${node.unit}` : '';
  if (node.const !== undefined) return `\`${JSON.stringify(node.const)}\``;
  if (node.enum) return node.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  switch (node.type) {
    case 'integer':
    case 'number': {
      const low = node.minimum ?? node.exclusiveMinimum;
      const from =
        low === undefined ? '' : `${node.exclusiveMinimum === undefined ? 'from' : 'more than'} ${low}`;
      const to = node.maximum === undefined ? '' : `up to ${node.maximum}`;
      return [node.type === 'integer' ? 'whole number' : 'number', from, to].filter(Boolean).join(' ') + unit;
    }
    case 'boolean':
      return '`true`, `false`';
    case 'array':
      return `list of ${node.minItems ?? 0} to ${node.maxItems ?? 'many'}`;
    case 'object':
      return 'object';
    default:
      return node.pattern ? `text${unit}` : 'text';
  }
}

function errorsPage(): string {
  return [
    '# Errors',
    '',
    '<!-- Written by ci/generate.ts from runtime/errors.ts: change that, then run `make generate`. -->',
    '',
    'Every error has a code, a message that names the setting, file or server, and a hint on what to do.',
    '',
    '| code | what it means |',
    '| --- | --- |',
    ...Object.entries(errorCodes).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`),
    '',
  ].join('\n');
}

function presentText(file: string): Promise<string | undefined> {
  return readFile(new URL(file, root), 'utf8').catch(() => undefined);
}

const check = process.argv.includes('--check');
const stale: string[] = [];
for (const [file, content] of [
  [
    'runtime/config/types.ts',
    await types(
      configSchema,
      'A configuration as it is after loading: every setting that has a default is there.',
    ),
  ],
  [
    'provision/answers/types.ts',
    await types(answersSchema, 'Answers after validation: everything that has a default is there.'),
  ],
  ['docs/ref/configuration.md', configurationPage()],
  ['docs/ref/answers.md', answersPage()],
  ['docs/ref/errors.md', errorsPage()],
  ...(await generateContracts(presentText)).map(({ file, content }) => [file, content] as const),
] as const) {
  const target = new URL(file, root);
  const present = await presentText(file);
  if (present === content) continue;
  if (check) stale.push(file);
  else {
    await writeFile(target, content);
    console.log(`wrote ${file}`);
  }
}
if (stale.length > 0) {
  console.error(`Not up to date: ${stale.join(', ')}. Run: make generate`);
  process.exit(1);
}
