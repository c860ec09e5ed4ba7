import schemaJson from '../../config.schema.json' with { type: 'json' };

/** A node of `config.schema.json`, with the vocabulary that EncroCam adds to JSON Schema. */
export interface SchemaNode {
  $ref?: string;
  $defs?: Record<string, SchemaNode>;
  title?: string;
  description?: string;
  type?: string;
  default?: unknown;
  examples?: unknown[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, SchemaNode>;
  required?: string[];
  items?: SchemaNode;
  oneOf?: SchemaNode[];
  /** Names the property by which one of `oneOf` is chosen. */
  discriminator?: { propertyName: string };
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  /** Unit of a number, or the notation of a string. */
  unit?: string;
  /** What to do when the value is refused. */
  hint?: string;
  /** Never shown or logged. */
  secret?: boolean;
  /** Needed, and readable, while the config partition is still locked. */
  beforeUnlocking?: boolean;
}

export const configSchema = schemaJson as SchemaNode;

/** What a new camera asks: a schema of its own, with the definitions that it shares with the configuration. */
export const answersSchema: SchemaNode = {
  ...configSchema.$defs?.answers,
  ...(configSchema.$defs ? { $defs: configSchema.$defs } : {}),
};

/** The keywords EncroCam adds to JSON Schema: annotations, they refuse nothing. */
export const annotationKeywords = ['unit', 'hint', 'secret', 'beforeUnlocking'] as const;

/** The node with its `$ref` followed; what stands beside the `$ref` wins. */
export function resolveNode(node: SchemaNode, root: SchemaNode = configSchema): SchemaNode {
  if (node.$ref === undefined) return node;
  const name = node.$ref.replace('#/$defs/', '');
  const target = root.$defs?.[name];
  if (!target) throw new TypeError(`config.schema.json: ${node.$ref} leads nowhere`);
  const { $ref: _, ...beside } = node;
  return { ...resolveNode(target, root), ...beside };
}

/**
 * The node of `root` that describes `segments` (property names and array indexes) in the value `config`, which decides
 * between alternatives (the drivers of `storage`); `undefined` if the schema knows no such setting.
 */
export function nodeAt(
  segments: readonly string[],
  config: unknown,
  root: SchemaNode = configSchema,
): SchemaNode | undefined {
  let node: SchemaNode | undefined = root;
  let value: unknown = config;
  for (const segment of segments) {
    node = chosen(resolveNode(node), value);
    if (!node) return undefined;
    node = node?.items ?? node?.properties?.[segment];
    if (!node) return undefined;
    value = property(value, segment);
  }
  return resolveNode(node);
}

/** Of a node with alternatives, the one that `value` has chosen; any other node as it is. */
export function chosen(node: SchemaNode, value: unknown): SchemaNode | undefined {
  if (!node.oneOf) return node;
  const tag = node.discriminator?.propertyName ?? '';
  const choice = property(value, tag);
  return node.oneOf.map((one) => resolveNode(one)).find((one) => one.properties?.[tag]?.const === choice);
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
