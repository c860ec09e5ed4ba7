/** What a measurement tells, printed as a table and written as JSON. */
export interface Figure {
  /** What was measured, for people. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the design asks for; reported, never enforced: machines are shared and noisy. */
  readonly target?: { readonly atLeast: number } | { readonly atMost: number };
}

export function meets(figure: Figure): boolean | undefined {
  if (!figure.target) return undefined;
  return 'atLeast' in figure.target
    ? figure.value >= figure.target.atLeast
    : figure.value <= figure.target.atMost;
}

export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const target = figure.target;
    const asked = !target ? '' : 'atLeast' in target ? `>= ${target.atLeast}` : `<= ${target.atMost}`;
    const met = meets(figure);
    return [
      figure.name,
      round(figure.value),
      figure.unit,
      asked,
      met === undefined ? '' : met ? 'met' : 'NOT MET',
    ] as const;
  });
  const head = ['measured', 'value', 'unit', 'target', ''] as const;
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) =>
          column === 1 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function round(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 3 - Math.ceil(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 4));
}

/** The value below which `share` (0 to 1) of the values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
