/** A line at the bottom of a terminal that is rewritten in place. The cursor stays visible, so a killed process hides nothing. */
import type { Stream, Terminal } from './terminal.ts';

export interface LiveLine {
  /** Streams for everything else: what is written to them appears above the line. */
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** Shows the text, and from then on several times a second. */
  show(text: () => string): void;
  /** Removes the line. */
  stop(): void;
}

const REDRAW_MS = 100;
const COLUMNS = 80;
/** Back to the first column, and erase to the end of the line (ECMA-48). */
const ERASE = '\r\u001B[K';

/** A line on stderr when that is a terminal; nothing elsewhere or with `--quiet`. */
export function liveLine(terminal: Terminal, { quiet }: { quiet?: boolean | undefined }): LiveLine {
  const { stdout, stderr, env } = terminal;
  if (!stderr.isTTY || env.TERM === 'dumb' || quiet) {
    return { stdout, stderr, show: () => undefined, stop: () => undefined };
  }
  let textOf: (() => string) | undefined;
  let shown = '';
  let timer: NodeJS.Timeout | undefined;
  const draw = () => {
    // A full last column wraps, and what is wrapped cannot be erased.
    const text = textOf?.().slice(0, (stderr.columns || COLUMNS) - 1) ?? '';
    if (text === shown) return;
    stderr.write(`${ERASE}${text}`);
    shown = text;
  };
  const above = (stream: Stream): Stream => ({
    ...(stream.isTTY === undefined ? {} : { isTTY: stream.isTTY }),
    write(text) {
      if (shown !== '') stderr.write(ERASE);
      // Drawn again by the timer: more lines may follow at once.
      shown = '';
      stream.write(text);
    },
  });
  return {
    stdout: above(stdout),
    stderr: above(stderr),
    show(text) {
      textOf = text;
      draw();
      timer ??= setInterval(draw, REDRAW_MS).unref();
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
      textOf = undefined;
      draw();
    },
  };
}
