import type { ColorDepth } from './dialogue.ts';

/**
 * How many colours a terminal has, by its environment. Serial lines say `vt220` or nothing: none. The screen's console
 * (`linux`) has sixteen, too few for pictures: none.
 */
export function colorDepth(environment: NodeJS.ProcessEnv): ColorDepth {
  const { FORCE_COLOR, NO_COLOR, TERM = '', COLORTERM = '' } = environment;
  if (FORCE_COLOR === '0' || NO_COLOR) return 'none';
  if (!/^(?:xterm|screen|tmux|rxvt|foot|alacritty|kitty|konsole|gnome|vte|putty)/.test(TERM)) return 'none';
  return /^(?:truecolor|24bit)$/.test(COLORTERM) ? 'true' : '256';
}
