/** `doctor --stack`: the diagnosis of each resource of a deployment that can be wrong, and of its latest runs. */
import { describe, expect, it } from 'vitest';
import { PUBLISHED } from '../support/small-deployment.ts';
import { problemsOf, refused, squeezed } from '../support/stack-doctor.ts';

describe('notifications', () => {
  it('have a subscription that is not confirmed', async () => {
    const pending = { arn: 'PendingConfirmation', protocol: 'email', endpoint: 'data-team@example.com' };
    expect(await problemsOf({ subscriptions: [pending] })).toEqual({
      code: 1,
      lines: [
        'fail  notifications  not confirmed: data-team@example.com',
        '      Open the link in the email "AWS Notification - Subscription Confirmation".',
        '      If it is older than two days, subscribe an address (docs/operations.md,',
        '      "Notifications").',
      ],
    });
  });

  it('do not show the address of another protocol, which can hold a secret', async () => {
    const pending = { arn: 'PendingConfirmation', protocol: 'https', endpoint: 'https://example.com/key/secret' };
    const { lines } = await problemsOf({ subscriptions: [pending] });
    expect(lines[0]).toBe('fail  notifications  not confirmed: https');
    expect(lines.join()).not.toContain('secret');
  });

  it('have no subscription', async () => {
    expect(await problemsOf({ subscriptions: [] })).toEqual({
      code: 0,
      lines: [
        'warn  notifications  nobody receives failures and alarms',
        '      Set alarmEmail in cdk.json and deploy, or subscribe an address',
        '      (docs/operations.md, "Notifications").',
      ],
    });
  });
});

describe('the catalog', () => {
  it('is refused by Lake Formation', async () => {
    const message = 'Insufficient Lake Formation permission(s): Required Describe on accounts_json';
    expect(await problemsOf(refused('glue:GetTable accounts_json', 'AccessDeniedException', message))).toEqual({
      code: 1,
      lines: [
        'fail  catalog        Checking "catalog" failed (AccessDeniedException)',
        '      Lake Formation requires the permission Describe; grant each role the',
        '      permissions listed in docs/security.md, "Lake Formation and encrypted',
        '      catalogs".',
      ],
    });
  });

  it.each([
    [{ tablePrincipals: [] }, 'warn  catalog        Lake Formation decides who may use new tables'],
    [{ dataLakeLocation: true }, 'warn  catalog        the bucket is a data lake location of Lake Formation'],
  ])('may be refused by Lake Formation: %j', async (options, line) => {
    const { code, lines } = await problemsOf(options);
    expect({ code, line: lines[0] }).toEqual({ code: 0, line });
    expect(squeezed(lines)).toContain('"Lake Formation and encrypted catalogs".');
  });

  it('lacks a table', async () => {
    expect(await problemsOf(refused('glue:GetTable newest_csv', 'EntityNotFoundException'))).toEqual({
      code: 1,
      lines: [
        'fail  catalog        missing: account_export.newest_csv',
        '      See docs/operations.md, "Restore the tables".',
      ],
    });
  });
});

describe('schedules', () => {
  it('are disabled', async () => {
    expect(await problemsOf({ disabled: ['DailyAllAccounts', 'ExpireDaily'] })).toEqual({
      code: 0,
      lines: [
        'warn  schedules      disabled: all-accounts, "deletes runs that are older than',
        '                     retentionDays"',
        '      If this is not intended, set "scheduleEnabled": true in cdk.json and',
        '      deploy, or enable it in the EventBridge Scheduler console.',
      ],
    });
  });

  it('are missing', async () => {
    expect(await problemsOf(refused('scheduler:GetSchedule ExpireDaily', 'ResourceNotFoundException'))).toEqual({
      code: 1,
      lines: [
        'fail  schedules      missing: ExpireDaily',
        '      Someone deleted it outside of CloudFormation. Create it again:',
        '        npm run deploy -- --revert-drift',
      ],
    });
  });
});

it('warns of the concurrency limit of a new account', async () => {
  expect(await problemsOf({ concurrency: 10 })).toEqual({
    code: 0,
    lines: [
      'warn  concurrency    only 10 functions can run at the same time; the default',
      '                     concurrency of 20 needs 25',
      '      If you have not yet done so, set "concurrency": 5 in cdk.json and deploy,',
      '      or request more Concurrent executions in Service Quotas.',
    ],
  });
});

it('names the entry of the runbook for each queue with dead letters', async () => {
  expect(await problemsOf({ messages: { UndeliveredStarts: 2, UndeliveredNotifications: 1 } })).toEqual({
    code: 1,
    lines: [
      'fail  dead letters   2 messages of start-undelivered',
      '      See docs/runbook.md, "start-undelivered".',
      'fail  dead letters   1 message of notification-undelivered',
      '      See docs/runbook.md, "notification-undelivered".',
    ],
  });
});

describe('the latest run', () => {
  const RUN = { ...PUBLISHED, output: undefined };
  const later = { ...RUN, name: 'later', startDate: RUN.startDate + 3600, stopDate: RUN.stopDate + 3600 };

  it('failed', async () => {
    const failed = { ...later, status: 'FAILED', error: 'ApiCredentialsError', cause: '403 Forbidden.' };
    expect(await problemsOf({ runs: [PUBLISHED, failed] })).toEqual({
      code: 1,
      lines: [
        'fail  latest run     all-accounts failed 2026-08-22 03:00 UTC',
        '                     (ApiCredentialsError)',
        '      See what happened, and what to do:',
        '        npm run --silent account-export -- status later',
      ],
    });
  });

  it('was quarantined', async () => {
    const quarantined = { ...later, status: 'FAILED', error: 'DriftedError', cause: 'The data changed.' };
    expect(await problemsOf({ runs: [PUBLISHED, quarantined] })).toEqual({
      code: 1,
      lines: [
        'fail  latest run     all-accounts was quarantined 2026-08-22 03:00 UTC',
        '                     (DriftedError)',
        '      If the data is right, publish it (docs/operations.md, "A run was',
        '      quarantined"):',
        '        npm run --silent account-export -- publish later',
      ],
    });
  });

  it.each([
    ['TIMED_OUT', 1, 'fail  latest run     all-accounts timed out 2026-08-22 03:00 UTC'],
    ['ABORTED', 0, 'warn  latest run     all-accounts was stopped 2026-08-22 03:00 UTC'],
  ])('ended with the status %s', async (status, code, line) => {
    const { code: exit, lines } = await problemsOf({ runs: [PUBLISHED, { ...later, status }] });
    expect({ code: exit, lines }).toEqual({
      code,
      lines: [
        line,
        '      See what happened, and what to do:',
        '        npm run --silent account-export -- status later',
      ],
    });
  });

  it('is the one that a later execution resumed', async () => {
    const failed = { ...RUN, name: 'first', status: 'FAILED', error: 'ApiUnavailableError', cause: 'x' };
    const resumed = { ...later, input: '{"resume":"first"}', status: 'SUCCEEDED', output: PUBLISHED.output };
    expect(await problemsOf({ runs: [failed, resumed] })).toEqual({ code: 0, lines: [] });
  });

  it('does not exist for a scheduled export, whose other executions were skipped or dry runs', async () => {
    const output = '{"outcome":"skipped","exportName":"all-accounts","reason":"Another run is running."}';
    expect(await problemsOf({ runs: [{ ...later, status: 'SUCCEEDED', output }] })).toEqual({
      code: 0,
      lines: [
        'warn  latest run     all-accounts has not run yet',
        '      Start it, or wait for its schedule:',
        '        npm run --silent account-export -- start all-accounts',
      ],
    });
  });

  it('of an export without a schedule has a line of its own, also when it failed before its name was known', async () => {
    const adHoc = { ...later, input: '{"exportName":"trials"}', status: 'FAILED', error: 'RequestError', cause: 'x' };
    const unnamed = { ...later, name: 'latest', input: '{}', status: 'FAILED', error: 'ConfigError', cause: 'x' };
    const { lines } = await problemsOf({ runs: [PUBLISHED, adHoc, unnamed] });
    expect(lines.filter((line) => line.startsWith('fail')).map((line) => line.slice(21))).toEqual([
      'all-accounts failed 2026-08-22 03:00 UTC (ConfigError)',
      'trials failed 2026-08-22 03:00 UTC (RequestError)',
    ]);
  });
});
