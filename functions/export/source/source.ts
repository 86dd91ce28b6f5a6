import { type ExportError, isExportError } from '../../model/errors.ts';
import { FORMAT_DETAILS } from '../../model/export-format.ts';
import type { PageQuery, Run } from '../../model/run.ts';
import { addUsage, NO_USAGE, type Usage } from '../../model/usage.ts';
import type { AccountsApi, ApiAnswer, Decode, FetchOptions } from '../ports.ts';

/** The properties of a run that its requests need. */
export type SourceRun = Pick<Run, 'datasetId' | 'format' | 'parameters'>;

/** The API bound to a run: its dataset, parameters, format, record budget and abort signal. Counts usage. */
export class Source<P extends { readonly records: number }> {
  readonly #api: AccountsApi;
  readonly #run: SourceRun;
  readonly #decode: Decode<P>;
  readonly #options: FetchOptions;
  #usage: Usage = NO_USAGE;
  readonly #latenciesMs: number[] = [];
  /** Whether the dataset exists: known after the first answer. */
  #isThere: Promise<boolean> | undefined;
  #takenForEnd: ExportError | undefined;

  /** @param decode reads one body of the run's format */
  constructor(api: AccountsApi, run: SourceRun, decode: Decode<P>, options: FetchOptions = {}) {
    this.#api = api;
    this.#run = run;
    this.#decode = decode;
    this.#options = options;
  }

  /** Requests and records of all calls so far, failed ones included. */
  get usage(): Usage {
    return this.#usage;
  }

  /** The last 404 that was taken for the end of the data. */
  get takenForEnd(): ExportError | undefined {
    return this.#takenForEnd;
  }

  /** The median time of an answer, in ms; 0 before the first. */
  get medianLatencyMs(): number {
    return this.#latenciesMs.sort((a, b) => a - b)[Math.floor(this.#latenciesMs.length / 2)] ?? 0;
  }

  /** Page `n` of the run. */
  page(n: number): Promise<ApiAnswer<P>> {
    return this.#fetch(this.#run.parameters.pageSize, n);
  }

  /**
   * A request that counts or checks and exports nothing, for a page of any size. In an API with offsets, it starts at account
   * `page × size`.
   */
  async probe(size: number, page: number): Promise<P> {
    return (await this.#fetch(size, page)).value;
  }

  /** Whether there is an account at an offset. Costs one record if there is one, none otherwise. */
  async exists(offset: number): Promise<boolean> {
    return (await this.probe(1, offset)).records > 0;
  }

  /**
   * Some APIs answer 404 after the last page. It means the end of the data only if the dataset is still there, which the first
   * account shows; otherwise a deleted dataset would look like an empty one.
   */
  async #fetch(pageSize: number, page: number): Promise<ApiAnswer<P>> {
    try {
      const answer = await this.#send(pageSize, page);
      this.#isThere ??= Promise.resolve(true);
      return answer;
    } catch (error) {
      if (page === 0 || !isExportError(error, 'ApiNotFoundError')) throw error;
      this.#isThere ??= this.#send(1, 0).then(
        () => true,
        (failure: unknown) => {
          if (isExportError(failure, 'ApiNotFoundError')) return false;
          throw failure;
        },
      );
      if (!(await this.#isThere)) throw error;
      this.#takenForEnd = error;
      const end = Buffer.from(FORMAT_DETAILS[this.#run.format].endpoint === 'json' ? '[]' : '');
      return { value: this.#decode(end), usage: NO_USAGE, latencyMs: 0 };
    }
  }

  async #send(pageSize: number, page: number): Promise<ApiAnswer<P>> {
    const { datasetId, format, parameters } = this.#run;
    const { endpoint } = FORMAT_DETAILS[format];
    const query: PageQuery = { datasetId, endpoint, ...parameters, pageSize, page };
    try {
      const answer = await this.#api.fetchPage(query, this.#decode, this.#options);
      this.#usage = addUsage(this.#usage, answer.usage);
      this.#latenciesMs.push(answer.latencyMs);
      return answer;
    } catch (error) {
      if (isExportError(error) && error.usage) this.#usage = addUsage(this.#usage, error.usage);
      throw error;
    }
  }
}

/**
 * The values of all promises, or the first failure once every one has settled: a request that is still in flight when
 * another fails is usage, too, and must be counted.
 */
export async function allSettled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
