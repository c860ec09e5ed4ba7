/** QR codes out of half-block characters, for whatever a phone shall take over from a terminal. */
import type { ColorDepth } from './dialogue/dialogue.ts';

export interface QrCode {
  readonly lines: string;
  readonly columns: number;
  readonly rows: number;
}

/** Light modules around the code. The standard asks for four; scanners do with two, and lines are scarce. */
const border = 2;

/** `undefined` if it would be wider than `maxColumns`, or is too much for a QR code at all. */
export async function qrCode(
  text: string,
  colors: ColorDepth,
  maxColumns: number,
): Promise<QrCode | undefined> {
  const { encode } = await import('uqr');
  let modules: boolean[][];
  try {
    // Error correction beyond what a clean screen needs would only make it larger.
    modules = encode(text, { ecc: 'L', border }).data;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  const columns = modules.length;
  if (columns > maxColumns) return undefined;
  return { lines: drawModules(modules, colors), columns, rows: Math.ceil(columns / 2) };
}

/** Two modules above each other in one character. Light ones are drawn: terminals without colours are dark. */
export function drawModules(modules: readonly (readonly boolean[])[], colors: ColorDepth): string {
  const [before, behind] = colors === 'none' ? ['', ''] : ['\u001b[97;40m', '\u001b[0m'];
  const lines: string[] = [];
  for (let row = 0; row < modules.length; row += 2) {
    const upper = modules[row] ?? [];
    const lower = modules[row + 1];
    const line = upper.map((dark, column) => block(!dark, lower ? !lower[column] : false)).join('');
    lines.push(`${before}${line}${behind}`);
  }
  return lines.join('\n');
}

/** A character whose upper and lower halves are drawn or not. */
export function block(upper: boolean, lower: boolean): string {
  if (upper) return lower ? '█' : '▀';
  return lower ? '▄' : ' ';
}
