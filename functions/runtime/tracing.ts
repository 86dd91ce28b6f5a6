/**
 * Traces: time and outcome of each invocation and of each request to the API.
 *
 * Nothing is captured automatically: Powertools would record messages of network errors and send trace ids to the API.
 */
import type { AccountsApi } from '../export/ports.ts';
import { tracer } from './observability.ts';

type Parent = NonNullable<ReturnType<typeof tracer.getSegment>>;
type Subsegment = ReturnType<Parent['addNewSubsegment']>;

/** Runs the work in a subsegment; without a trace, just runs it. */
export async function traced<T>(what: string, work: () => Promise<T>): Promise<T> {
  const parent = currentSegment();
  if (!parent) return work();
  const segment = parent.addNewSubsegment(what);
  tracer.setSegment(segment);
  try {
    return await work();
  } catch (error) {
    segment.addErrorFlag();
    throw error;
  } finally {
    segment.close();
    tracer.setSegment(parent);
  }
}

/** The API, with a subsegment for each page or probe: its number, its requests, and its outcome. */
export function tracedApi(api: AccountsApi): AccountsApi {
  return {
    ...api,
    async fetchPage(query, decode, options) {
      // Not made current with `setSegment`, because several requests are in flight.
      const segment = currentSegment()?.addNewSubsegment('Account Export API');
      segment?.addAttribute('namespace', 'remote');
      annotate(segment, { page: query.page, pageSize: query.pageSize });
      try {
        const answer = await api.fetchPage(query, decode, options);
        annotate(segment, { apiRequests: answer.usage.apiRequests });
        return answer;
      } catch (error) {
        segment?.addErrorFlag();
        annotate(segment, { errorName: error instanceof Error ? error.name : 'Error' });
        throw error;
      } finally {
        segment?.close();
      }
    },
  };
}

function currentSegment(): Parent | undefined {
  return tracer.isTracingEnabled() ? tracer.getSegment() : undefined;
}

function annotate(segment: Subsegment | undefined, values: Readonly<Record<string, string | number>>): void {
  for (const [name, value] of Object.entries(values)) segment?.addAnnotation(name, value);
}
