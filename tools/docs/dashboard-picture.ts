/**
 * The dashboard as a picture: each widget where CloudWatch puts it, with its title and what it shows, from the template's
 * definition. No data is drawn, for there is none: lines that nobody measured would be made up.
 */
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AccountExportStack } from '../../infra/account-export-stack.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';

const CONFIG = {
  accountName: 'acme',
  instance: 'us-5',
  exports: [
    { name: 'all-accounts', datasetId: 'engage', schedule: 'cron(0 6 * * ? *)' },
    { name: 'emea-tier-1', datasetId: 'engage', schedule: 'cron(30 7 * * ? *)' },
  ],
};

interface MetricOptions {
  readonly label?: string;
  readonly period?: number;
  readonly stat?: string;
  readonly expression?: string;
}

/** As CloudWatch has it (CloudWatch user guide, "Dashboard body structure and syntax"), as far as ours goes. */
export interface Widget {
  readonly type: 'text' | 'metric' | 'log';
  /** In cells of a grid that is 24 wide. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: {
    readonly markdown?: string;
    readonly title?: string;
    readonly view?: string;
    readonly metrics?: readonly (readonly (string | MetricOptions)[])[];
    readonly query?: string;
  };
}

/** The widgets of a template's dashboard; what is known only once it is deployed stands as its logical name. */
export function dashboardWidgets(template: Template): Widget[] {
  const [dashboard] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));
  const parts = dashboard?.Properties.DashboardBody['Fn::Join'][1] as (string | { Ref: string })[];
  const body = parts.map((part) => (typeof part === 'string' ? part : part.Ref.replace(/[0-9A-F]{8}$/, '')));
  return (JSON.parse(body.join('')) as { widgets: Widget[] }).widgets;
}

const CELL = { width: 44, height: 38 } as const;
const MARGIN = 12;
const GAP = 4;
const PADDING = 12;
const LINE = 18;
/** Of a letter of 12 pixels, in the mean: wide enough that no line runs out of its widget. */
const LETTER = 6.6;

const VIEWS: Readonly<Record<string, string>> = {
  timeSeries: 'graph',
  singleValue: 'number',
  table: 'table of log lines',
};
const STATISTICS: Readonly<Record<string, string>> = { Sum: 'sum', Maximum: 'maximum', p50: 'p50', p99: 'p99' };
const PERIODS: Readonly<Record<number, string>> = { 300: '5 minutes', 3600: 'an hour', 86400: 'a day' };
/** What CloudWatch takes where a metric names none. */
const DEFAULT_PERIOD = 300;

/** The picture, as SVG. */
export function dashboardPicture(): string {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
  const stack = new AccountExportStack(app, 'AccountExport', { config: parseStackConfig(CONFIG) });
  return picture(dashboardWidgets(Template.fromStack(stack)));
}

export function picture(widgets: readonly Widget[]): string {
  const right = Math.max(...widgets.map(({ x, width }) => x + width)) * CELL.width + 2 * MARGIN;
  const bottom = Math.max(...widgets.map(({ y, height }) => y + height)) * CELL.height + 2 * MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${right} ${bottom}" font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#16191f">`,
    '<title>The dashboard: its widgets and what each shows</title>',
    `<rect width="${right}" height="${bottom}" fill="#f2f3f3"/>`,
    ...widgets.map(drawn),
    '</svg>\n',
  ].join('\n');
}

function drawn({ type, x, y, width, height, properties }: Widget): string {
  const left = MARGIN + x * CELL.width;
  const top = MARGIN + y * CELL.height;
  if (type === 'text') {
    const [, bold = '', rest = ''] = /^\*\*(.*?)\*\*(.*)$/.exec(properties.markdown ?? '') ?? [
      '',
      '',
      properties.markdown,
    ];
    return `<text x="${left + GAP}" y="${top + 25}" font-size="14"><tspan font-weight="bold">${safe(bold)}</tspan>${safe(rest)}</text>`;
  }
  const letters = Math.floor((width * CELL.width - 2 * (PADDING + GAP)) / LETTER);
  const lines = contents(properties).flatMap((line) => wrapped(line, letters));
  const at = (line: number) => `x="${left + GAP + PADDING}" y="${top + GAP + 22 + line * LINE}"`;
  return [
    `<rect x="${left + GAP}" y="${top + GAP}" width="${width * CELL.width - 2 * GAP}" height="${height * CELL.height - 2 * GAP}" rx="6" fill="#fff" stroke="#aab7b8"/>`,
    `<text ${at(0)} font-weight="bold" font-size="13">${safe(properties.title ?? '')}</text>`,
    `<text ${at(1)} fill="#687078">${VIEWS[properties.view ?? '']}</text>`,
    ...lines.map((line, i) => `<text ${at(2 + i)}>${safe(line)}</text>`),
  ].join('\n');
}

/** What a widget shows, each thing in a line. */
function contents({ metrics = [], query = '' }: Widget['properties']): string[] {
  const steps = query.split(/\s*\|\s*/).filter((step) => step !== '' && !step.startsWith('SOURCE'));
  return [...metrics.map(metricLine), ...steps];
}

function metricLine(metric: readonly (string | MetricOptions)[]): string {
  const names = metric.filter((part) => typeof part === 'string');
  const options: MetricOptions = metric.find((part) => typeof part !== 'string') ?? {};
  if (options.expression !== undefined) return options.expression;
  const [namespace = '', name = ''] = names;
  const what = namespace === 'AccountExport' ? name : `${namespace} ${name}`;
  const per = PERIODS[options.period ?? DEFAULT_PERIOD] ?? `${options.period} s`;
  return `${options.label === undefined ? '' : `${options.label}: `}${what}, ${STATISTICS[options.stat ?? '']} of ${per}`;
}

/** A text in lines of so many letters, broken at blanks where there are some. */
function wrapped(text: string, letters: number): string[] {
  const lines = text.match(new RegExp(`.{1,${letters}}(?:\\s+|$)|\\S{1,${letters}}`, 'g')) ?? [];
  return lines.map((line) => line.trim());
}

function safe(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
