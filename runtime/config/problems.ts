/**
 * Turns what ajv says into problems that a person can mend: which setting, what was expected, what was found, and a
 * hint. Values of settings that the schema calls secret are never part of them. For any schema in our vocabulary.
 */
import type { ErrorObject, ValidateFunction } from 'ajv';
import { nodeAt, resolveNode, type SchemaNode } from './schema.ts';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** The setting, as one would write it: `cameras[0].input.resolution`. */
  setting: string;
  expected: string;
  /** What stands there, or `(secret)`. */
  found: string;
  hint: string | undefined;
}

/** Everything in `value` that breaks `schema`, whose validator is `validate`. It fills defaults into `value`. */
export function schemaProblems(
  validate: ValidateFunction,
  schema: SchemaNode,
  value: unknown,
): ConfigProblem[] {
  // The validator fills in defaults as it goes: what was found is told from the value as it was.
  const original: unknown = structuredClone(value);
  if (validate(value)) return [];
  return (validate.errors ?? [])
    .map((error) => describe(error, original, schema))
    .filter((problem) => problem !== undefined);
}

/** The first problem of each setting: what else is said of it mostly follows from that. */
export function unique(problems: ConfigProblem[]): ConfigProblem[] {
  const first = new Map<string, ConfigProblem>();
  for (const problem of problems) if (!first.has(problem.setting)) first.set(problem.setting, problem);
  return [...first.values()];
}

function describe(error: ErrorObject, root: unknown, schema: SchemaNode): ConfigProblem | undefined {
  const segments = error.instancePath.split('/').slice(1).map(unescapePointer);
  const node = nodeAt(segments, root, schema);
  const parameters = error.params as Record<string, unknown>;
  const below = (name: string): { setting: string; node: SchemaNode | undefined } => ({
    setting: settingName([...segments, name]),
    node: nodeAt([...segments, name], root, schema),
  });
  switch (error.keyword) {
    case 'required': {
      const missing = below(String(parameters.missingProperty));
      return {
        setting: missing.setting,
        expected: missing.node?.description
          ? `a value (${firstSentence(missing.node.description)})`
          : 'a value',
        found: 'nothing',
        hint: missing.node?.hint ?? exampleHint(missing.node),
      };
    }
    case 'additionalProperties': {
      const name = String(parameters.additionalProperty);
      const known = Object.keys(error.parentSchema?.properties ?? {});
      const near = nearest(name, known);
      return {
        setting: settingName([...segments, name]),
        expected: 'no such setting',
        found: 'it',
        hint: near
          ? `Did you mean ${settingName([...segments, near])}?`.replace(/\?$/, '')
          : `Known here: ${known.join(', ')}`,
      };
    }
    case 'discriminator':
      return {
        setting: settingName([...segments, String(parameters.tag)]),
        expected: `one of ${choices(error.parentSchema as SchemaNode)
          .map((choice) => show(choice))
          .join(', ')}`,
        found: show(parameters.tagValue),
        hint: undefined,
      };
    case 'oneOf':
    case 'if':
      return undefined;
    default: {
      return {
        setting: settingName(segments) || 'the whole file',
        expected: expectation(error, node),
        found: node?.secret ? '(secret)' : holdsSecret(node) ? kind(error.data) : show(error.data),
        hint: node?.hint ?? exampleHint(node),
      };
    }
  }
}

/** Whether a value in this place may be a secret: also one that was put beside, where an object with it belongs. */
function holdsSecret(raw: SchemaNode | undefined): boolean {
  if (!raw) return false;
  const node = resolveNode(raw);
  return (
    node.secret === true ||
    [
      ...Object.values(node.properties ?? {}),
      ...(node.oneOf ?? []),
      ...(node.items ? [node.items] : []),
    ].some(holdsSecret)
  );
}

/** What a value is, where the value itself may hold a secret. */
function kind(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : 'a list';
  return typeof value === 'string' ? 'text' : show(value);
}

/** The values by which one of a node's alternatives is chosen. */
function choices(node: SchemaNode): unknown[] {
  const tag = node.discriminator?.propertyName ?? '';
  return (node.oneOf ?? []).map((one) => resolveNode(one).properties?.[tag]?.const);
}

function expectation(error: ErrorObject, node: SchemaNode | undefined): string {
  const unit = node?.unit ? ` ${node.unit}` : '';
  const limit = (error.params as { limit?: number }).limit;
  switch (error.keyword) {
    case 'type':
      return `${article(String((error.params as { type: string }).type))}`;
    case 'enum':
      return `one of ${(node?.enum ?? []).map((value) => show(value)).join(', ')}`;
    case 'const':
      return show((error.params as { allowedValue: unknown }).allowedValue);
    case 'minimum':
      return `at least ${limit}${unit}`;
    case 'exclusiveMinimum':
      return `more than ${limit}${unit}`;
    case 'maximum':
      return `at most ${limit}${unit}`;
    case 'minLength':
      return limit === 1 ? 'some text' : `at least ${limit} characters`;
    case 'maxLength':
      return `at most ${limit} characters`;
    case 'minItems':
      return `at least ${limit} in the list`;
    case 'maxItems':
      return `at most ${limit} in the list`;
    case 'uniqueItems':
      return 'no entry twice';
    case 'pattern':
      return node?.description ? firstSentence(node.description) : `text that matches ${node?.pattern}`;
    default:
      return error.message ?? 'something else';
  }
}

/** `cameras[0].input.device` from `['cameras', '0', 'input', 'device']`. */
export function settingName(segments: readonly string[]): string {
  return segments
    .map((segment) => (/^\d+$/.test(segment) ? `[${segment}]` : `.${segment}`))
    .join('')
    .replace(/^\./, '');
}

function unescapePointer(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** A value as the file has it; what holds further settings is only named, because one of them may be a secret. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) {
    if (value.some((item) => typeof item === 'object' && item !== null)) return 'a list';
  } else if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function article(type: string): string {
  return { array: 'a list', object: 'an object', integer: 'a whole number' }[type] ?? `a ${type}`;
}

function firstSentence(text: string): string {
  return (/^.*?[.:](?=\s|$)/.exec(text)?.[0] ?? text).replace(/[.:]$/, '');
}

function exampleHint(node: SchemaNode | undefined): string | undefined {
  const example = node?.examples?.[0];
  return example === undefined || node?.secret ? undefined : `For example ${show(example)}`;
}

/** The known name that differs least, if it differs by no more than a typing mistake. */
function nearest(name: string, known: readonly string[]): string | undefined {
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (!best || distance < best.distance) best = { candidate, distance };
  }
  return best && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.candidate : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= Math.min(a.length, 64); i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
