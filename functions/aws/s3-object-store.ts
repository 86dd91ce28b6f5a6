import { setTimeout } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { ObjectStore } from '../export/ports.ts';
import { awsFailure, isNotFound } from './aws-errors.ts';

export interface S3Location {
  readonly client: S3Client;
  readonly bucket: string;
  /** Put before every key; with or without a slash at its end. */
  readonly prefix?: string;
  /** The host of an S3-compatible store, for error messages. @default AWS */
  readonly endpoint?: string | undefined;
}

/** Source: Amazon S3 user guide, "Conditional writes": 412 when the condition fails, 409 while another write is in progress. */
const CONDITIONAL_ATTEMPTS = 5;
const CONFLICT_WAIT_MS = 100;

/**
 * An object store in a bucket. S3 shows an object whole or not at all, and lists it at once.
 * Needs s3:GetObject, s3:PutObject and s3:ListBucket on what it is used for, and s3:DeleteObject to delete.
 */
export function s3ObjectStore({ client, bucket, prefix = '', endpoint }: S3Location): ObjectStore {
  const root = prefix === '' ? '' : `${prefix.replace(/\/+$/, '')}/`;
  const location = `s3://${bucket}/${root}`;

  async function listPages(below: string, delimiter?: string): Promise<ListObjectsV2CommandOutput[]> {
    const pages: ListObjectsV2CommandOutput[] = [];
    try {
      const input = { Bucket: bucket, Prefix: root + below, Delimiter: delimiter };
      for await (const page of paginateListObjectsV2({ client }, input)) pages.push(page);
    } catch (error) {
      throw awsFailure(`Listing ${location}${below}`, error, endpoint);
    }
    return pages;
  }

  return {
    location,

    async get(key) {
      try {
        const { Body, ETag = '' } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: root + key }));
        return { body: (await Body?.transformToByteArray()) ?? new Uint8Array(), etag: ETag };
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw awsFailure(`Reading ${location}${key}`, error, endpoint);
      }
    },

    async put(key, body, condition) {
      const object = { Bucket: bucket, Key: root + key, Body: body, ContentType: contentTypeOf(key) };
      const headers = condition && ('ifMatch' in condition ? { IfMatch: condition.ifMatch } : { IfNoneMatch: '*' });
      for (let attempt = 1; ; attempt++) {
        try {
          const { ETag = '' } = await client.send(new PutObjectCommand({ ...object, ...headers }));
          return ETag;
        } catch (error) {
          // With If-Match, S3 answers 404 for a deleted object: the condition failed.
          if (condition && ((error as Error).name === 'PreconditionFailed' || isNotFound(error))) return undefined;
          // Wait until the other write has ended.
          if ((error as Error).name === 'ConditionalRequestConflict' && attempt < CONDITIONAL_ATTEMPTS) {
            await setTimeout(CONFLICT_WAIT_MS * attempt);
            continue;
          }
          throw awsFailure(`Writing ${location}${key}`, error, endpoint);
        }
      }
    },

    async list(below) {
      return (await listPages(below))
        .flatMap(({ Contents = [] }) => Contents)
        .map(({ Key = '', Size = 0, ETag = '' }) => ({ key: Key.slice(root.length), bytes: Size, etag: ETag }));
    },

    async listFolders(below) {
      const prefixes = (await listPages(below, '/')).flatMap(({ CommonPrefixes = [] }) => CommonPrefixes);
      // S3 sorts them with the slash at their end, and so `run-2/` before `run/`.
      return prefixes.map(({ Prefix = '' }) => Prefix.slice(root.length + below.length, -1)).sort();
    },

    async delete(...keys) {
      const [first = '', ...others] = keys;
      const what = `Deleting ${location}${first}${others.length > 0 ? ` and ${others.length} other objects` : ''}`;
      try {
        if (others.length === 0) {
          await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: root + first }));
          return;
        }
        const Objects = keys.map((key) => ({ Key: root + key }));
        const { Errors: [failed] = [] } = await client.send(
          new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
        );
        // Errors of single objects come with status 200.
        if (failed) throw Object.assign(new Error(failed.Message), { name: failed.Code ?? 'unknown error' });
      } catch (error) {
        throw awsFailure(what, error, endpoint);
      }
    },
  };
}

/** By the end of the key. Sources: RFC 6713 (gzip), RFC 8878 (zstd). */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  json: 'application/json',
  html: 'text/html; charset=utf-8',
  gz: 'application/gzip',
  zst: 'application/zstd',
  parquet: 'application/vnd.apache.parquet',
};

function contentTypeOf(key: string): string | undefined {
  return CONTENT_TYPES[key.slice(key.lastIndexOf('.') + 1)];
}
