/** Every section that needs no other tools is measured and described, with each of its figures. */
import { expect, it } from 'vitest';
import { sectionText } from '../../bench/document.ts';
import { SECTIONS } from '../../bench/main.ts';
import type { Section } from '../../bench/section.ts';

it.each(['run', 'page', 'planning', 'publishing', 'memory', 'start', 'compression'] as const)(
  'a quick run of %s has all figures',
  async (name) => {
    const { measure, describe } = SECTIONS[name] as Section<object>;
    const described = describe(await measure(true));
    const { answer, chart, limits } = described;
    expect(chart.every(({ bars }) => bars.length > 1 && bars.every(({ value }) => value > 0))).toBe(true);
    expect(`${answer}${sectionText(described)}${JSON.stringify(limits ?? [])}`).not.toMatch(
      /NaN|undefined|null|Infinity/,
    );
  },
  1_200_000,
);
