/** Which rows the views return, as SQL. `trino.slow.test.ts` runs it. */
import { expect, it } from 'vitest';
import { viewDefinitions } from '../../functions/catalog/views.ts';

const sqlOf = (view: string) => viewDefinitions([]).find(({ name }) => name === view)?.sql ?? '';

it('the newest run is the one of the latest day due, and of one day the one published last', () => {
  expect(sqlOf('accounts_latest')).toContain('ORDER BY substr(dueat, 1, 10) DESC, publishedat DESC, run_id DESC');
  expect(sqlOf('accounts_latest')).toContain('WHERE age = 1');
  expect(sqlOf('accounts_history')).not.toContain('WHERE age = 1');
});

it.each(['accounts_latest', 'accounts_history'])(
  'of a repeated account, %s returns the record of the last part',
  (view) => {
    expect(sqlOf(view)).toContain('ORDER BY a."$path" DESC');
    expect(sqlOf(view)).toContain('age_of_record = 1');
  },
);
