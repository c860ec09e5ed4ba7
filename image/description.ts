/**
 * Reads and checks `image.json` and the bases. Every problem names the field, what was expected and what was
 * found; all problems of a file are told at once.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { ImageError, messageOf } from './errors.ts';
import schema from './image.schema.json' with { type: 'json' };
import type { Base, ImageDescription } from './types.ts';

export const imageDirectory = fileURLToPath(new URL('.', import.meta.url));

export interface DescriptionProblem {
  readonly field: string;
  readonly expected: string;
  readonly found: string;
}

export class DescriptionError extends ImageError {
  readonly problems: readonly DescriptionProblem[];

  constructor(file: string, problems: readonly DescriptionProblem[]) {
    const lines = problems.map(
      ({ field, expected, found }) => `  ${field}: expected ${expected}; found ${found}`,
    );
    super('DESCRIPTION_INVALID', `${file} is not valid:\n${lines.join('\n')}`, {
      hint: 'image/image.schema.json describes every field.',
    });
    this.name = 'DescriptionError';
    this.problems = problems;
  }
}

const ajv = new Ajv2020({
  allErrors: true,
  verbose: true,
  strict: true,
  strictRequired: false,
  keywords: ['patternHint'],
});
ajv.addSchema(schema, 'image');

export function validateImage(value: unknown, file = 'image.json'): ImageDescription {
  check(validator('image'), value, file);
  const description = value as ImageDescription;
  const problems = [...partitionProblems(description), ...userProblems(description)];
  if (problems.length > 0) throw new DescriptionError(file, problems);
  return description;
}

export function validateBase(value: unknown, file: string): Base {
  check(validator('image#/$defs/base'), value, file);
  return value as Base;
}

export async function loadImage(file = `${imageDirectory}image.json`): Promise<ImageDescription> {
  return validateImage(await readJson(file), file);
}

export async function loadBase(name: string, directory = `${imageDirectory}bases`): Promise<Base> {
  const file = `${directory}/${name}.json`;
  const base = validateBase(await readJson(file), file);
  if (base.name !== name) {
    throw new DescriptionError(file, [
      { field: 'name', expected: `${show(name)}, as the file is called`, found: show(base.name) },
    ]);
  }
  return base;
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new ImageError('DESCRIPTION_INVALID', `${file} cannot be read: ${messageOf(cause)}.`, {
      cause,
      hint: 'A base is a JSON file in image/bases/; BASE= takes its name.',
    });
  }
}

function validator(id: string): ValidateFunction {
  const validate = ajv.getSchema(id);
  if (!validate) throw new Error(`image.schema.json has no part ${id}`);
  return validate;
}

function check(validate: ValidateFunction, value: unknown, file: string): void {
  if (validate(value)) return;
  throw new DescriptionError(file, (validate.errors ?? []).map(problemOf));
}

function problemOf(error: ErrorObject): DescriptionProblem {
  const at = fieldOf(error.instancePath);
  const inside = (name: string): string => (at ? `${at}.${name}` : name);
  switch (error.keyword) {
    case 'required':
      return { field: inside(String(error.params.missingProperty)), expected: 'a value', found: 'nothing' };
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const name = String(error.params.additionalProperty ?? error.params.unevaluatedProperty);
      return { field: inside(name), expected: 'no such field', found: show(valueAt(error.data, name)) };
    }
    case 'enum':
      return problem(at, `one of ${error.params.allowedValues.map(show).join(', ')}`, error.data);
    case 'const':
      return problem(at, show(error.params.allowedValue), error.data);
    case 'type':
      return problem(at, `a value of type ${error.params.type}`, error.data);
    case 'pattern': {
      const hint = (error.parentSchema as { patternHint?: string } | undefined)?.patternHint;
      return problem(at, hint ?? `text like ${error.params.pattern}`, error.data);
    }
    default:
      return problem(at, error.message?.replace(/^must /, 'it to ') ?? error.keyword, error.data);
  }
}

function problem(field: string, expected: string, found: unknown): DescriptionProblem {
  return { field: field || 'the file', expected, found: show(found) };
}

/** What the schema cannot say about partitions: unique labels, one root, a boot partition, growth at the end. */
function partitionProblems({ partitions, alignmentMiB }: ImageDescription): DescriptionProblem[] {
  const problems: DescriptionProblem[] = [];
  for (const [index, { label, sizeMiB }] of partitions.entries()) {
    const first = partitions.findIndex((other) => other.label === label);
    if (first !== index) {
      problems.push(problem(`partitions[${index}].label`, `another label than partitions[${first}]`, label));
    }
    if (sizeMiB % alignmentMiB !== 0) {
      problems.push(
        problem(`partitions[${index}].sizeMiB`, `a multiple of alignmentMiB (${alignmentMiB})`, sizeMiB),
      );
    }
  }
  const roots = partitions.filter(({ mount, format }) => mount === '/' && format === 'ext4').length;
  if (roots !== 1) problems.push(problem('partitions', 'one ext4 partition with mount "/"', roots));
  const boots = partitions.filter(({ type, format }) => type === 'esp' && format === 'fat32').length;
  if (boots !== 1) problems.push(problem('partitions', 'one fat32 partition of type "esp"', boots));
  return problems;
}

function userProblems({ users }: ImageDescription): DescriptionProblem[] {
  return users.flatMap(({ name }, index) => {
    const first = users.findIndex((other) => other.name === name);
    return first === index
      ? []
      : [problem(`users[${index}].name`, `another name than users[${first}]`, name)];
  });
}

/** `/partitions/0/label` as `partitions[0].label`. */
function fieldOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part, index) => (/^\d+$/.test(part) ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

function valueAt(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
