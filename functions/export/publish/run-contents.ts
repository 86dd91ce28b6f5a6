/** The account hashes and field counts of a run's receipts, compact enough for 30,000 pages. */
import { ExportError } from '../../model/errors.ts';
import { type FieldPresence, FieldSums } from '../../model/field-coverage.ts';
import { HASH_BYTES, type Receipt } from '../../model/receipt.ts';
import { RESUME_OR_START } from '../../model/remedies.ts';
import type { Run } from '../../model/run.ts';
import { receiptKey } from '../storage/bucket-layout.ts';
import { type PageReceipt, withoutContents } from '../storage/run-folder.ts';
import { countDistinct } from './count-distinct.ts';

/** Room for accounts that are added during the run. */
const GROWTH = 1.25;

export class RunContents {
  #fields = new FieldSums();
  /** The hashes of all accounts. The system commits memory only as it is written, so room for more of them costs none. */
  #hashes: Buffer<ArrayBuffer>;
  /** The range of each page in the hashes. */
  readonly #places = new Map<number, { readonly start: number; readonly end: number }>();
  #end = 0;

  readonly #runId: string;

  /** @param run with the number of accounts that are expected */
  constructor({ runId, accounts }: Pick<Run, 'runId' | 'accounts'>) {
    this.#runId = runId;
    this.#hashes = Buffer.from(new ArrayBuffer(Math.ceil(accounts * GROWTH) * HASH_BYTES));
  }

  /** Forgets all pages, before they are read again. */
  clear(): void {
    this.#fields = new FieldSums();
    this.#places.clear();
    this.#end = 0;
  }

  /**
   * Adds a page, in page order.
   * @returns the rest of its receipt
   * @throws ExportError `RunIncompleteError` if its hashes are damaged: all later ones would be wrong, too
   */
  add(receipt: Receipt): PageReceipt {
    const { page, fields, accountHashes, records } = receipt;
    this.#fields.add(fields);
    const start = this.#end;
    const needed = start + records * HASH_BYTES;
    if (needed > this.#hashes.length) this.#resize(Math.ceil(needed * GROWTH));
    this.#end += this.#hashes.write(accountHashes, start, 'base64');
    if (this.#end !== needed) {
      throw new ExportError(
        'RunIncompleteError',
        `Invalid account hashes in ${receiptKey(this.#runId, page)} (damaged): delete it, then ${RESUME_OR_START}.`,
      );
    }
    this.#places.set(page, { start, end: this.#end });
    return withoutContents(receipt);
  }

  get fields(): FieldPresence[] {
    return this.#fields.fields;
  }

  /** The hashes of a page's accounts, in page order. */
  hashesOf(page: number): Buffer {
    const { start, end } = this.#places.get(page) ?? { start: 0, end: 0 };
    return this.#hashes.subarray(start, end);
  }

  /** How many different accounts the run has. Call it last: it reorders the hashes, then frees their memory. */
  countDistinct(): number {
    const distinct = countDistinct(new Uint32Array(this.#hashes.buffer, 0, this.#end / 4));
    this.#end = 0;
    this.#resize(0);
    return distinct;
  }

  #resize(bytes: number): void {
    this.#hashes = Buffer.from(this.#hashes.buffer.transfer(bytes));
  }
}
