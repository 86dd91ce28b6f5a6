/** Numbers, sizes and durations as people read them. */

/** `12,431`, for a whole number or a half. `Intl` takes 14 ms for its first number, which delays a short command. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+(?!\d))/g, ',');
}

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
