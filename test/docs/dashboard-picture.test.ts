/** `docs/dashboard.svg` shows the dashboard as the template has it. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dashboardPicture, dashboardWidgets, picture, type Widget } from '../../tools/docs/dashboard-picture.ts';
import { synthesized } from '../support/synthesized.ts';

const PICTURE = readFileSync(new URL('../../docs/dashboard.svg', import.meta.url), 'utf8');
const SCHEDULED = [{ name: 'daily', datasetId: 'engage', schedule: 'cron(0 6 * * ? *)' }];
const widgets = dashboardWidgets(synthesized({ exports: SCHEDULED }));

describe('the picture of the dashboard', () => {
  it('is as the template is now: npm run docs makes it so', () => {
    expect(PICTURE).toBe(dashboardPicture());
  });

  it('has a box for each widget but texts, where CloudWatch puts it', () => {
    // A cell is 44 by 38 pixels; 12 around all of them, 4 around each.
    const boxes = [...PICTURE.matchAll(/<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)" rx/g)].map((found) => {
      const [x = 0, y = 0, width = 0, height = 0] = found.slice(1).map(Number);
      return [(x - 16) / 44, (y - 16) / 38, (width + 8) / 44, (height + 8) / 38];
    });
    expect(boxes).toEqual([
      [0, 1, 12, 5],
      [12, 1, 12, 5],
      [0, 7, 6, 5],
      [6, 7, 6, 5],
      [12, 7, 6, 5],
      [18, 7, 6, 5],
      [0, 13, 8, 6],
      [8, 13, 8, 6],
      [16, 13, 8, 6],
      [0, 19, 24, 6],
    ]);
  });

  it('says of each what it shows: the questions, the titles, the metrics with their statistics', () => {
    for (const text of [
      'Is it in?',
      'What did it cost?',
      'Why not?',
      'all-accounts: PublishedAgeHours, maximum of an hour',
      'AWS/States ExecutionsFailed, sum of an hour',
      'ApiLatency, p99 of 5 minutes',
      'filter ispresent(errorName)',
    ]) {
      expect(PICTURE).toContain(text);
    }
    expect(PICTURE).not.toContain('undefined');
    const titles = widgets.flatMap(({ properties }) => properties.title ?? []);
    expect(titles).toHaveLength(10);
    for (const title of titles) expect(PICTURE).toContain(`>${title}</text>`);
  });

  it('breaks a line that would run out of its box, and takes marks of XML for letters', () => {
    const widget: Widget = {
      type: 'log',
      x: 0,
      y: 0,
      width: 4,
      height: 6,
      properties: { title: 'A & B', view: 'table', query: `fields a < b, ${'c'.repeat(40)}` },
    };
    const lines = [...picture([widget]).matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
    expect(lines).toEqual(['A &amp; B', 'table of log lines', 'fields a &lt; b,', 'c'.repeat(21), 'c'.repeat(19)]);
  });
});

it('where no export has a schedule, a sentence stands in the place of the ages', () => {
  const [, ages, accounts] = dashboardWidgets(synthesized({ exports: [{ name: 'a', datasetId: 'engage' }] }));
  expect(ages).toMatchObject({
    type: 'text',
    width: 12,
    height: 5,
    properties: { markdown: 'No export has a schedule, so the age of none is watched.' },
  });
  expect(accounts).toMatchObject({ x: 12, y: 1, properties: { title: 'Accounts published' } });
});
