import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashAccounts } from '../../../functions/export/page/account-hashes.ts';
import { RunContents } from '../../../functions/export/publish/run-contents.ts';
import type { Receipt } from '../../../functions/model/receipt.ts';

function receiptOf(page: number, names: readonly string[]): Receipt {
  return {
    version: 1,
    page,
    key: `part ${page}`,
    etag: '',
    records: names.length,
    bytes: 1,
    sha256: '',
    accountHashes: hashAccounts('run-1', names),
    fields: [{ name: 'name', present: names.length }],
    unmappedColumns: [],
    escapedLineBreaks: 0,
    usage: { apiRequests: 1, recordsFetched: names.length, retries: {} },
    latencyMs: 1,
  };
}

const contentsOf = (accounts: number) => new RunContents({ runId: 'run-1', accounts });
const hashesOf = (...names: string[]) => Buffer.from(hashAccounts('run-1', names), 'base64');

describe('the contents of a run', () => {
  it('are its distinct accounts and its fields, however many accounts were expected', () => {
    const pages = fc.array(fc.array(fc.integer({ min: 0, max: 30 }).map((i) => `account ${i}`)));
    fc.assert(
      fc.property(pages, fc.nat(40), (names, expected) => {
        const contents = contentsOf(expected);
        for (const [page, accounts] of names.entries()) contents.add(receiptOf(page, accounts));
        expect(contents.fields).toEqual(names.length === 0 ? [] : [{ name: 'name', present: names.flat().length }]);
        expect(contents.countDistinct()).toBe(new Set(names.flat()).size);
      }),
    );
  });

  it('are those of the pages added since they were cleared', () => {
    const contents = contentsOf(3);
    contents.add(receiptOf(0, ['a', 'b', 'c']));
    contents.add(receiptOf(1, ['d']));
    contents.clear();
    contents.add(receiptOf(0, ['a', 'd']));
    expect(contents.hashesOf(1)).toHaveLength(0);
    expect(contents.countDistinct()).toBe(2);
    expect(contents.fields).toEqual([{ name: 'name', present: 2 }]);
  });

  it('are the hashes of each page, in order, until they are counted', () => {
    const contents = contentsOf(1);
    contents.add(receiptOf(0, ['a', 'b']));
    contents.add(receiptOf(2, ['c']));
    expect(contents.hashesOf(0)).toEqual(hashesOf('a', 'b'));
    expect(contents.hashesOf(1)).toHaveLength(0);
    expect(contents.hashesOf(2)).toEqual(hashesOf('c'));
    expect(contents.countDistinct()).toBe(3);
    expect(contents.hashesOf(0)).toHaveLength(0);
  });

  it('are refused if hashes are damaged, because all later ones would be wrong', () => {
    const receipt = receiptOf(4, ['a', 'b']);
    const add = (accountHashes: string) => contentsOf(9).add({ ...receipt, accountHashes });
    const message = 'Invalid account hashes in work/run_id=run-1/receipts/00004.json (damaged): delete it, then ';
    for (const hashes of [receipt.accountHashes.replace(/^./, '*'), `AAAA${receipt.accountHashes}`, '']) {
      expect(() => add(hashes)).toThrow(message);
    }
  });

  it('leave the rest of a receipt', () => {
    const { accountHashes: _, fields: __, ...rest } = receiptOf(0, ['a']);
    expect(contentsOf(1).add(receiptOf(0, ['a']))).toEqual(rest);
  });
});
