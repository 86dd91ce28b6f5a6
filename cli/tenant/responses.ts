/** What the responses of a tenant have in common: collected by the client's observers, and reduced to what may be shown. */
import type { Activity } from '../../functions/export/ports.ts';
import type { ResponseHead } from '../../functions/personalization/accounts-api.ts';
import type { BodyProfile, Fingerprint } from '../../simulator/fingerprint.ts';

export type Responses = ReturnType<typeof collectResponses>;

/** @param now epoch ms */
export function collectResponses(now: () => number) {
  const heads: ResponseHead[] = [];
  const skewsMs: number[] = [];
  const waits: { readonly cause: string; readonly ms: number }[] = [];
  return {
    heads: heads as readonly ResponseHead[],
    waits: waits as readonly { readonly cause: string; readonly ms: number }[],
    onResponse(head: ResponseHead): void {
      heads.push(head);
      // The middle of the second that the header names.
      if (head.serverTimeMs !== undefined) skewsMs.push(now() - head.serverTimeMs - 500);
    },
    observe(activity: Activity): void {
      if (activity.activity === 'waiting') waits.push(activity);
    },
    lastStatus: () => heads.at(-1)?.status,
    /** How far the clock of this machine is ahead of the API's, in ms; `undefined` if the API sends no time. */
    clockSkewMs: () => skewsMs.sort((a, b) => a - b)[Math.floor(skewsMs.length / 2)],
  };
}

/** The first successful response of an endpoint for at least so many accounts. */
function headOf({ heads }: Responses, endpoint: 'json' | 'csv', atLeast: number): ResponseHead | undefined {
  return heads.find((head) => head.endpoint === endpoint && head.status === 200 && head.pageSize >= atLeast);
}

/** The content type in parts; a text that is not one is not shown. */
export function contentTypeOf(responses: Responses, endpoint: 'json' | 'csv'): Omit<BodyProfile, 'byteOrderMark'> {
  const { contentType = '' } = headOf(responses, endpoint, 1) ?? {};
  const [type] = /^[\w.+-]{1,60}\/[\w.+-]{1,60}(?=\s*(?:;|$))/.exec(contentType.trim()) ?? [null];
  const [, charset = null] = /;\s*charset\s*=\s*["']?([\w.:-]{1,40})["']?\s*(?:;|$)/i.exec(contentType) ?? [];
  return { contentType: type?.toLowerCase() ?? null, charset: charset?.toLowerCase() ?? null };
}

const ENCODINGS = ['gzip', 'deflate', 'br'] as const;

/** How the JSON of the sample was compressed. Servers do not compress short bodies. @param pageSize of the sample */
export function encodingOf(responses: Responses, pageSize: number): Fingerprint['encoding'] {
  const encoding = headOf(responses, 'json', pageSize)?.encoding?.trim().toLowerCase().replace(/^x-/, '');
  return ENCODINGS.find((known) => known === encoding) ?? null;
}
