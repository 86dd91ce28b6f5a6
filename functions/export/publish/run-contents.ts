/** What the receipts of a run say of its accounts, in a form in which that of 30,000 pages fits into memory. */
import { type FieldPresence, FieldSums } from '../../model/field-coverage.ts';
import type { Receipt } from '../../model/receipt.ts';
import { HASH_BYTES } from '../page/account-hashes.ts';
import { type PageReceipt, withoutContents } from '../storage/run-folder.ts';
import { countDistinct } from './count-distinct.ts';

export class RunContents {
  #fields = new FieldSums();
  /** The hashes of all accounts. In a buffer of its own, to which the system adds memory when it is written. */
  #hashes: Buffer<ArrayBuffer>;
  /** Where those of each page are. */
  readonly #places = new Map<number, { readonly start: number; readonly end: number }>();
  #end = 0;

  /** @param accounts how many are expected */
  constructor(accounts: number) {
    this.#hashes = Buffer.from(new ArrayBuffer(accounts * HASH_BYTES));
  }

  /** Forgets all pages, before they are read again. */
  clear(): void {
    this.#fields = new FieldSums();
    this.#places.clear();
    this.#end = 0;
  }

  /** Adds a page, in page order. @returns the rest of its receipt */
  add(receipt: Receipt): PageReceipt {
    const { page, fields, accountHashes, records } = receipt;
    this.#fields.add(fields);
    const start = this.#end;
    const needed = start + records * HASH_BYTES;
    // Accounts were added during the run.
    if (needed > this.#hashes.length) this.#resize(needed + Math.ceil(needed / 4));
    this.#end += this.#hashes.write(accountHashes, start, 'base64');
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
    this.#places.clear();
    this.#end = 0;
    this.#resize(0);
    return distinct;
  }

  #resize(bytes: number): void {
    this.#hashes = Buffer.from(this.#hashes.buffer.transfer(bytes));
  }
}
