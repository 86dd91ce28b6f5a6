/** Numbers, sizes and durations as people read them. */

/** `12,431` */
export function count(value: number): string {
  numbers ??= new Intl.NumberFormat('en-US');
  return numbers.format(value);
}

/** Made when it is needed: it takes as long as all else that `--help` does. */
let numbers: Intl.NumberFormat | undefined;

/** `12,431 accounts`, `1 account` */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** `1.2 MB`, in powers of ten as S3 bills. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let amount = value;
  let unit = 0;
  while (amount >= 1000 && unit < units.length - 1) {
    amount /= 1000;
    unit++;
  }
  return unit === 0 ? `${amount} B` : `${amount.toFixed(1)} ${units[unit]}`;
}

/** `42 s`, `3 min`, `1 h 20 min` */
export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `0.0123 USD`, `4.56 USD` */
export function money(usd: number): string {
  return `${usd < 0.01 ? usd.toFixed(4) : usd.toFixed(2)} USD`;
}

/** Lines of at most `columns`, except longer items, which stay whole. */
export function wrapped(items: readonly string[], separator: string, columns: number): string[] {
  const lines: string[] = [];
  for (const [i, item] of items.entries()) {
    const text = i === items.length - 1 ? item : item + separator;
    const last = lines.at(-1);
    if (last === undefined || last.length + text.trimEnd().length > columns) lines.push(text);
    else lines[lines.length - 1] = last + text;
  }
  return lines.map((line) => line.trimEnd());
}
