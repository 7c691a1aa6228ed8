import type { StreamAsset, WritesStreamAssets } from "@ophyd-ts/core"
import type { StreamDatum, StreamResource } from "../documents/types.ts"
import type { Run } from "./run.ts"
import type { Stream } from "./stream.ts"

/**
 * The resources that a writer is filling, by data key. A writer announces each once; another run that goes on with it has to
 * hear of it too.
 */
const filling = new WeakMap<WritesStreamAssets, Map<string, StreamResource>>()

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
    const resources = filling.get(writer) ?? new Map<string, StreamResource>()
    filling.set(writer, resources)
    for await (const asset of writer.collectAssetDocs(index)) {
      assets.push(asset)
      if (asset.kind === "stream_resource") {
        const resource = asset.doc as unknown as StreamResource
        resources.set(resource.data_key, resource)
        announce(run, resource)
        continue
      }
      const datum = asset.doc as unknown as StreamDatum
      const known = [...resources.values()].find(({ uid }) => uid === datum.stream_resource)
      if (known !== undefined && !run.resources.has(known.uid)) announce(run, known)
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

function announce(run: Run, resource: StreamResource): void {
  run.resources.add(resource.uid)
  run.context.emit("stream_resource", { ...resource, run_start: run.uid })
}
