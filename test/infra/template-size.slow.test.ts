/** Slow, because it synthesizes stacks that no other test uses. */
import { expect, it } from 'vitest';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { checkTemplateSize } from '../../infra/template-size.ts';
import { CONFIG, synthesizedStack } from '../support/synthesized.ts';

const check = (exports: readonly object[]) => {
  const { app, stack } = synthesizedStack({ exports });
  checkTemplateSize(app, stack, parseStackConfig({ ...CONFIG, exports }));
};
/** 500 names of 128 characters, the maximum of both; the last 48 of each name repeat a character. */
const columnsOf = (character: string) =>
  Array.from({ length: 500 }, (_, i) => `${i}`.padEnd(80, 'x').padEnd(128, character));

it('the longest list of ASCII names makes a template that CloudFormation accepts', () => {
  expect(() =>
    check([{ name: 'wide', datasetId: 'engage', format: 'csv', attributeColumns: columnsOf('x') }]),
  ).not.toThrow();
});

it('a template that is too large for CloudFormation is refused, naming the export with the longest list', () => {
  const few = { name: 'few', datasetId: 'engage', format: 'csv', attributeColumns: columnsOf('é').slice(0, 2) };
  const wide = { name: 'wide', datasetId: 'engage', format: 'csv', attributeColumns: columnsOf('é') };
  expect(() => check([few, wide])).toThrow(
    /^The template of stack "AccountExport" is too large \(1\d{6} bytes, maximum 1000000 in CloudFormation\): shorten attributeColumns; export "wide" has the longest list\.$/,
  );
});
