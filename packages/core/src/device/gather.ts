import type { MaybePromise } from "../protocols.ts"

/** One map of many parts, which may come at different times: all asked for at once, merged in the order given. */
export function gather<V>(
  parts: readonly MaybePromise<Record<string, V>>[],
): MaybePromise<Record<string, V>> {
  if (parts.some(part => part instanceof Promise)) return Promise.all(parts).then(merge)
  return merge(parts as Record<string, V>[])
}

function merge<V>(parts: readonly Record<string, V>[]): Record<string, V> {
  const merged: Record<string, V> = {}
  for (const part of parts) Object.assign(merged, part)
  return merged
}
