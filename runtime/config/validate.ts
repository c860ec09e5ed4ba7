import { EncroCamError } from '../errors.ts';
import { type ConfigProblem, schemaProblems, show, unique } from './problems.ts';
import { configSchema } from './schema.ts';
import type { Cameras, Config } from './types.ts';
import validateAgainstSchema from './validator.ts';

export type { ConfigProblem } from './problems.ts';

export class ConfigError extends EncroCamError {
  readonly problems: readonly ConfigProblem[];

  /** @param reference the page that describes all settings. */
  constructor(source: string, problems: readonly ConfigProblem[], reference = 'docs/ref/configuration.md') {
    const lines = problems.map(
      ({ setting, expected, found, hint }) =>
        `  ${setting}: expected ${expected}; found ${found}.${hint ? ` ${hint}.` : ''}`,
    );
    super('CONFIG_INVALID', `${source} is not valid:\n${lines.join('\n')}`, {
      hint: `All settings are described in ${reference}.`,
    });
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Checks parsed JSON against the schema and returns it with all defaults filled in. The argument is not changed.
 * @throws {ConfigError} with every problem that was found.
 */
export function validateConfig(value: unknown, source = 'The configuration'): Config {
  const config: unknown = structuredClone(value);
  const problems = schemaProblems(validateAgainstSchema, configSchema, config);
  if (problems.length === 0) {
    problems.push(...ownerProblems(config as Config), ...cameraProblems((config as Config).cameras));
  }
  if (problems.length > 0) throw new ConfigError(source, unique(problems));
  return config as Config;
}

/** A camera records for somebody, in a format that knows them. */
function ownerProblems({ owner, recordings }: Config): ConfigProblem[] {
  if (owner.keys === undefined && owner.symmetricKeys === undefined) {
    return [
      {
        setting: 'owner.keys',
        expected: 'a value, or one for owner.symmetricKeys',
        found: 'nothing',
        hint: 'Export the key with: gpg --armor --export YOUR@ADDRESS > owner.asc',
      },
    ];
  }
  if (owner.symmetricKeys === undefined || recordings.format === 'encrocrypt3') return [];
  return [
    {
      setting: 'recordings.format',
      expected: '"encrocrypt3" where owner.symmetricKeys is given',
      found: show(recordings.format),
      hint: 'EncroCrypt2 knows owners with OpenPGP keys only: leave recordings.format out, or owner.symmetricKeys',
    },
  ];
}

/** What a schema cannot say: names and directories that must differ, and zones that must lie in the picture. */
export function cameraProblems(cameras: Cameras): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const unlike = (setting: string, read: (camera: Cameras[number]) => string): void => {
    const seen = new Map<string, number>();
    for (const [index, camera] of cameras.entries()) {
      const value = read(camera);
      // Drives and disks may not tell upper from lower case.
      const first = seen.get(value.toLowerCase());
      if (first === undefined) seen.set(value.toLowerCase(), index);
      else
        problems.push({
          setting: `cameras[${index}].${setting}`,
          expected: `a value of its own (cameras[${first}] has the same)`,
          found: show(value),
          hint: 'Each camera needs a name and directories that no other camera has',
        });
    }
  };
  unlike('name', (camera) => camera.name);
  unlike('directory', (camera) => camera.directory ?? camera.name);
  unlike('driveDirectory', (camera) => camera.driveDirectory ?? camera.name);
  return [...problems, ...cameras.flatMap(zoneProblems)];
}

function zoneProblems({ motion }: Cameras[number], camera: number): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const zones = motion?.zones ?? [];
  for (const [index, zone] of zones.entries()) {
    const setting = `cameras[${camera}].motion.zones[${index}]`;
    const first = zones.findIndex(({ name }) => name === zone.name);
    if (first < index) {
      problems.push({
        setting: `${setting}.name`,
        expected: `a name of its own (zones[${first}] has the same)`,
        found: show(zone.name),
        hint: 'Marks tell zones apart by their names',
      });
    }
    for (const [edge, length] of [
      ['x', 'width'],
      ['y', 'height'],
    ] as const) {
      if (zone[edge] + zone[length] <= 100) continue;
      problems.push({
        setting: `${setting}.${length}`,
        expected: `at most ${100 - zone[edge]}, where the picture ends (${edge} is ${zone[edge]})`,
        found: show(zone[length]),
        hint: 'Positions and lengths are percentages of the picture',
      });
    }
  }
  return problems;
}
