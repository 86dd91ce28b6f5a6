/** Bar charts as SVG images that read well on a phone and in dark mode: on a background of their own, without outside fonts. */
import type { Panel } from './section.ts';

/** Narrow, so that text stays readable when a phone scales the image down. */
const WIDTH = 480;
const MARGIN = 16;
const BAR_WIDTH = WIDTH - 2 * MARGIN;
const TITLE_HEIGHT = 30;
const ROW_HEIGHT = 38;
const [BLUE, GRAY] = ['#0969da', '#8c959f'];

/** Each panel has a scale that starts at 0. */
export function barChart(title: string, panels: readonly Panel[]): string {
  const marks: string[] = [];
  let y = MARGIN - 6;
  for (const { title: heading, bars, scale } of panels) {
    marks.push(text({ x: MARGIN, y: y + 19, className: 'title' }, heading));
    y += TITLE_HEIGHT;
    const maximum = scale ?? Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
    for (const { label, value, text: quoted, isOwn } of bars) {
      const width = value === 0 ? 0 : Math.max(1, Math.round((value / maximum) * BAR_WIDTH * 10) / 10);
      marks.push(
        text({ x: MARGIN, y: y + 14 }, label),
        text({ x: WIDTH - MARGIN, y: y + 14, className: 'value' }, quoted),
        `<rect x="${MARGIN}" y="${y + 20}" width="${width}" height="9" rx="2" fill="${isOwn ? BLUE : GRAY}"/>`,
      );
      y += ROW_HEIGHT;
    }
    y += 6;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 4}" viewBox="0 0 ${WIDTH} ${y + 4}" role="img">
<title>${escaped(title)}</title>
<style>text{font:14px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}.title{font-weight:600}.value{text-anchor:end}</style>
<rect x="0.5" y="0.5" width="${WIDTH - 1}" height="${y + 3}" rx="6" fill="#ffffff" stroke="#d0d7de"/>
${marks.join('\n')}
</svg>
`;
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly className?: string;
}

function text({ x, y, className }: Place, content: string): string {
  return `<text x="${x}" y="${y}"${className === undefined ? '' : ` class="${className}"`}>${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content
    .replaceAll('`', '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
