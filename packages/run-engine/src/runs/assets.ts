import type { StreamAsset, WritesStreamAssets } from "@ophyd-ts/core"
import type { StreamDatum, StreamResource } from "../documents/types.ts"
import type { Run } from "./run.ts"
import type { Stream } from "./stream.ts"

/**
 * Emits what the writers have written up to what all of them have: stream_resource documents as they come,
 * stream_datum ones with the stream's descriptor and sequence numbers. Gives the assets and how many sequence numbers
 * they cover.
 */
export async function emitAssets(
  run: Run,
  stream: Stream,
  writers: readonly WritesStreamAssets[],
): Promise<{ assets: StreamAsset[]; covered: number }> {
  const ready = await Promise.all(writers.map(w => w.getIndex()))
  const index = Math.min(...ready)
  const first = stream.count + 1
  const next = new Map<string, number>()
  const assets: StreamAsset[] = []
  for (const writer of writers) {
    for await (const asset of writer.collectAssetDocs(index)) {
      assets.push(asset)
      if (asset.kind === "stream_resource") {
        run.context.emit("stream_resource", {
          ...(asset.doc as unknown as StreamResource),
          run_start: run.uid,
        })
        continue
      }
      const datum = asset.doc as unknown as StreamDatum
      const start = next.get(datum.stream_resource) ?? first
      const stop = start + datum.indices.stop - datum.indices.start
      next.set(datum.stream_resource, stop)
      run.context.emit("stream_datum", {
        ...datum,
        descriptor: stream.descriptor!.uid,
        seq_nums: { start, stop },
      })
    }
  }
  return { assets, covered: Math.max(first, ...next.values()) - first }
}
