/** Heights of rows, measured or guessed, and where each begins. Heights outlive the list, so that coming back does not jump. */
export class Heights {
  private readonly known = new Map<string, number>();
  private keys: readonly string[] = [];
  private guess: (index: number) => number = () => 0;
  private offsets = new Float64Array(1);
  private stale = true;

  /** Say which rows there are now. */
  use(keys: readonly string[], guess: (index: number) => number): void {
    const same = keys.length === this.keys.length && keys.every((key, index) => key === this.keys[index]);
    this.guess = guess;
    if (same) return;
    this.keys = keys;
    this.stale = true;
  }

  /** Note what was measured, in pixels; whether it is news. */
  set(key: string, height: number): boolean {
    if (Math.abs((this.known.get(key) ?? -1) - height) < 0.5) return false;
    this.known.set(key, height);
    this.stale = true;
    return true;
  }

  private refresh(): Float64Array {
    if (this.stale) {
      if (this.offsets.length !== this.keys.length + 1) this.offsets = new Float64Array(this.keys.length + 1);
      for (const [index, key] of this.keys.entries()) {
        this.offsets[index + 1] = (this.offsets[index] ?? 0) + (this.known.get(key) ?? this.guess(index));
      }
      this.stale = false;
    }
    return this.offsets;
  }

  /** Where a row begins, in pixels from the top of the list. */
  offset(index: number): number {
    return this.refresh()[Math.min(index, this.keys.length)] ?? 0;
  }

  height(index: number): number {
    return this.offset(index + 1) - this.offset(index);
  }

  get total(): number {
    return this.offset(this.keys.length);
  }

  /** The row that covers a position; the first or the last beyond the ends. */
  at(position: number): number {
    const offsets = this.refresh();
    let low = 0;
    let high = Math.max(0, this.keys.length - 1);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((offsets[middle] ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
