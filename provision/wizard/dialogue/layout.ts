/** Wraps text for a terminal. Pure. */

/** Text wider than this is hard to read, whatever the terminal could show. */
const maxTextColumns = 100;

/** Wraps each paragraph (a line of `text`) at blanks; words that are wider stay whole. Indents are kept. */
export function wrap(text: string, columns: number): string {
  const width = Math.min(columns - 1, maxTextColumns);
  return text
    .split('\n')
    .map((paragraph) => wrapParagraph(paragraph, width))
    .join('\n');
}

function wrapParagraph(paragraph: string, width: number): string {
  const indent = /^ *(?:[-*] |\d+\. )?/.exec(paragraph)?.[0] ?? '';
  const hanging = ' '.repeat(indent.length);
  const lines: string[] = [];
  let line = indent;
  let isEmpty = true;
  for (const word of paragraph.slice(indent.length).split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = hanging;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  lines.push(line);
  return lines.join('\n').trimEnd();
}
