/** The width of text on a terminal. */
import { printable } from '../../functions/model/printable.ts';

let graphemes: Intl.Segmenter | undefined;

/** The characters of a text. The segmenter is made only when it is needed, which is rare. */
function charactersOf(text: string): Intl.Segments {
  graphemes ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return graphemes.segment(text);
}

const NARROW = /^[\x20-\x7e]*$/;
/** Characters of two columns. Source: Unicode Standard Annex 11, "East Asian Width" (W and F), by blocks. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|[\u{17000}-\u{18d08}\u{1b000}-\u{1b2fb}\u{20000}-\u{3fffd}])/u;
/** Characters without a column of their own. */
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

/** The columns that text takes: two for a CJK character or an emoji, none for a combining character. */
export function displayWidth(text: string): number {
  if (NARROW.test(text)) return text.length;
  let width = 0;
  for (const { segment } of charactersOf(text)) width += graphemeWidth(segment);
  return width;
}

function graphemeWidth(grapheme: string): number {
  if (ZERO.test(grapheme)) return 0;
  // The variation selector 16 shows a character as an emoji.
  return WIDE.test(grapheme) || grapheme.includes('\ufe0f') ? 2 : 1;
}

/** Pads text with spaces to a width. */
export function padded(text: string, width: number, toTheRight = false): string {
  const spaces = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return toTheRight ? spaces + text : text + spaces;
}

/** Cuts text into pieces of at most `width` columns, between characters. */
export function pieces(text: string, width: number): string[] {
  if (displayWidth(text) <= width) return [text];
  const found: string[] = [];
  let [piece, used] = ['', 0];
  for (const { segment } of charactersOf(text)) {
    const more = graphemeWidth(segment);
    if (used + more > width && piece !== '') {
      found.push(piece);
      [piece, used] = ['', 0];
    }
    piece += segment;
    used += more;
  }
  return [...found, piece];
}

/** The name of a field or an attribute, which may be of any length, in at most `width` columns. */
export function shortened(name: string, width: number): string {
  const text = printable(name);
  if (displayWidth(text) <= width) return text;
  const [start = ''] = pieces(text, width - 1);
  return `${start}…`;
}
