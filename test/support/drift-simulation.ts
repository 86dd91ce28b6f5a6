/** Runs over data that changes between any two requests, by a random schedule of one kind of move or of several. */
import { gunzipSync } from 'node:zlib';
import { isExportError } from '../../functions/model/errors.ts';
import type { Verdict } from '../../functions/model/manifest.ts';
import { account, arrayApi, type RawAccount } from './array-api.ts';
import { memoryStore } from './memory-store.ts';
import { randomFrom } from './random.ts';
import { runSteps } from './run-steps.ts';

interface World {
  readonly list: RawAccount[];
  readonly pageSize: number;
  /** Below a limit. */
  pick(limit: number): number;
  chance(probability: number): boolean;
  newAccount(): RawAccount;
  /** The account has gone: it did not exist throughout. */
  gone(raw: RawAccount | undefined): void;
}

const removeAt = (world: World, place: number) => {
  const [raw] = world.list.splice(place, 1);
  world.gone(raw);
  return raw;
};
const insertAt = ({ list }: World, place: number, ...added: RawAccount[]) => list.splice(place, 0, ...added);
const anywhere = ({ list, pick }: World) => pick(list.length + 1);

/** What may happen between two requests. */
export const MOVES = {
  insertOrDelete(world: World) {
    if (world.chance(0.5)) insertAt(world, world.chance(0.5) ? world.list.length : anywhere(world), world.newAccount());
    else removeAt(world, world.pick(world.list.length));
  },
  /** An account that changes takes another place. */
  move(world: World) {
    const moved = world.list.splice(world.pick(world.list.length), 1);
    insertAt(world, anywhere(world), ...moved);
  },
  /** As many come as go, so counts do not show it. */
  replace(world: World) {
    const place = world.pick(world.list.length);
    removeAt(world, place);
    insertAt(world, world.chance(0.5) ? place : anywhere(world), world.newAccount());
  },
  /** Two accounts change places, and one of them changes its name. */
  swapWithRename(world: World) {
    const { list, pick, chance } = world;
    const [a, b] = [pick(list.length), pick(list.length)];
    const [first, second] = [list[a], list[b]];
    if (first === undefined || second === undefined) return;
    list[a] = second;
    list[b] = first;
    if (chance(0.5)) {
      world.gone(first);
      list[b] = world.newAccount();
    }
  },
  moveBlock(world: World) {
    const { list, pick, pageSize, chance } = world;
    const size = chance(0.5) ? pageSize : 1 + pick(2 * pageSize);
    insertAt(world, anywhere(world), ...list.splice(pick(list.length), size));
  },
  reshuffle(world: World) {
    const { list, pick, chance } = world;
    const from = chance(0.3) ? 0 : pick(list.length);
    const to = chance(0.3) ? list.length : Math.min(list.length, from + 2 + pick(30));
    for (let i = to - 1; i > from; i--) {
      const j = from + pick(i - from + 1);
      [list[i], list[j]] = [list[j] ?? '', list[i] ?? ''];
    }
  },
  insertPageAtFront(world: World) {
    insertAt(world, 0, ...Array.from({ length: world.pageSize }, () => world.newAccount()));
  },
} as const;

type Move = keyof typeof MOVES | 'flap';

/** What a schedule of one theme does. */
export const THEMES: Readonly<Record<string, readonly Move[]>> = {
  'plain inserts and deletes': ['insertOrDelete'],
  moves: ['move'],
  'replacement at equal count': ['replace'],
  'swap with rename': ['swapWithRename'],
  'block moves': ['moveBlock'],
  reshuffles: ['reshuffle'],
  'flapping accounts': ['flap'],
  'a page inserted at the front': ['insertPageAtFront'],
  everything: [
    'insertOrDelete',
    'move',
    'replace',
    'swapWithRename',
    'moveBlock',
    'reshuffle',
    'flap',
    'insertPageAtFront',
  ],
};
const THEME_NAMES = Object.keys(THEMES);

export interface DriftRun {
  readonly theme: string;
  readonly verdict: Verdict | 'failed';
  /** Accounts that existed throughout and were not exported. */
  readonly lost: number;
  readonly moved: boolean;
  readonly pages: number;
}

const nameOf = (raw: RawAccount) => (JSON.parse(raw) as { name: string }).name;

/** One run of up to 60 pages under the schedule of a seed. */
export async function runUnderSchedule(seed: number): Promise<DriftRun> {
  const random = randomFrom(seed);
  const pick = (limit: number) => Math.floor(random() * limit);
  const pageSize = 1 + pick(12);
  const total = pick(Math.min(240, 60 * pageSize));
  const theme = THEME_NAMES[seed % THEME_NAMES.length] ?? '';
  const moves = THEMES[theme] ?? [];
  /** Rare, frequent, or one single burst of moves: those are the hardest to see. */
  const intensity = random() < 0.1 ? 0 : random() < 0.5 ? random() * 0.15 : random() * 0.02;
  const burst = random() < 0.3 ? pick(40) : -1;

  let named = 0;
  const newAccount = () => account(`account ${named++}`);
  const source = { list: Array.from({ length: total }, newAccount) };
  const throughout = new Set(source.list.map(nameOf));
  const world: World = {
    list: source.list,
    pageSize,
    pick,
    chance: (probability) => random() < probability,
    newAccount,
    gone: (raw) => void (raw !== undefined && throughout.delete(nameOf(raw))),
  };
  let moved = false;
  const away: { raw: RawAccount; place: number; until: number }[] = [];
  const { api } = arrayApi(source, (_query, nth) => {
    for (let i = away.length - 1; i >= 0; i--) {
      const one = away[i];
      if (!one || one.until > nth) continue;
      away.splice(i, 1);
      insertAt(world, Math.min(one.place, world.list.length), one.raw);
    }
    let left = nth === burst ? 1 + pick(4) : 0;
    while (left-- > 0 || random() < intensity) {
      if (world.list.length === 0) return;
      moved = true;
      const move = moves[pick(moves.length)] ?? 'move';
      if (move !== 'flap') MOVES[move](world);
      else {
        const place = pick(world.list.length);
        const raw = removeAt(world, place);
        if (raw !== undefined)
          away.push({ raw, place: random() < 0.7 ? place : pick(total), until: nth + 1 + pick(6) });
      }
    }
  });
  const { store, objects } = memoryStore();
  const steps = runSteps(api, store);
  let verdict: DriftRun['verdict'] = 'failed';
  try {
    const plan = await steps.plan({ pageSize });
    const shuffled = plan.pageNumbers.map((page) => ({ page, at: random() })).sort((a, b) => a.at - b.at);
    await steps.pages({ ...plan, pageNumbers: random() < 0.5 ? plan.pageNumbers : shuffled.map(({ page }) => page) });
    ({ verdict } = await steps.publish(plan));
  } catch (error) {
    if (!isExportError(error)) throw error;
  }
  const parts = [...objects].filter(([key]) => key.startsWith('accounts_')).map(([, body]) => String(gunzipSync(body)));
  const exported = new Set(parts.flatMap((text) => text.split('\n').filter(Boolean)).map(nameOf));
  const lost = [...throughout].filter((name) => !exported.has(name)).length;
  return { theme, verdict, lost, moved, pages: parts.length };
}
