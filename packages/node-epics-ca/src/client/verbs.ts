import { DbrReading } from "../wire/dbr-value.ts"
import type { Channel } from "./channel.ts"
import { aborted } from "./failures.ts"
import type { Call } from "./operation.ts"
import { type CaGetOptions, type CaPutOptions, checkLimit, control, presentation } from "./options.ts"
import type { CaPutValue } from "./put-value.ts"
import { ReadOperation, TIME } from "./read.ts"
import { CompletionOperation, WriteOperation } from "./write.ts"

/** get and put on a channel; what client and handle share. Bad options reject, nothing throws. */

export function get(channel: Channel, options: CaGetOptions | undefined): Promise<DbrReading> {
  const { settings } = channel.context
  if (options === undefined && !channel.name.includes("$")) {
    const read = new ReadOperation(channel, TIME, settings.timeout, undefined)
    channel.submit(read, settings.timeout)
    return read.promise
  }
  try {
    const how = presentation(channel.name, options)
    const limit = checkLimit(channel.name, options?.timeout ?? settings.timeout)
    const value = run(new ReadOperation(channel, how, limit, options?.signal), limit, options?.signal)
    if (options?.metadata !== true) return value
    const meta = run(new ReadOperation(channel, control(how), limit, options.signal), limit, options.signal)
    return Promise.all([value, meta]).then(([stamped, { metadata }]) => withMetadata(stamped, metadata))
  } catch (error) {
    return Promise.reject(error)
  }
}

export function put(channel: Channel, value: CaPutValue, options: CaPutOptions | undefined): Promise<void> {
  const { settings, closed } = channel.context
  const { completion = false, whenBusy = "reject", timeout, signal } = options ?? {}
  try {
    const limit = checkLimit(channel.name, timeout ?? settings.timeout)
    if (!completion || closed) return run(new WriteOperation(channel, value, limit, signal), limit, signal)
    const limits = { connect: limit, reply: timeout ?? Number.POSITIVE_INFINITY, queue: whenBusy === "queue" }
    return run(new CompletionOperation(channel, value, limits, signal), limit, signal)
  } catch (error) {
    return Promise.reject(error)
  }
}

function run<T>(operation: Call<T>, limit: number, signal: AbortSignal | undefined): Promise<T> {
  const { channel } = operation
  if (signal?.aborted) {
    channel.acquire()
    operation.reject(aborted(channel, operation.action, signal.reason))
  } else {
    channel.submit(operation, limit)
  }
  return operation.promise
}

const withMetadata = (reading: DbrReading, metadata: DbrReading["metadata"]): DbrReading =>
  new DbrReading(
    reading.type,
    reading.value,
    reading.status,
    reading.severity,
    reading.seconds,
    reading.nanoseconds,
    metadata,
  )
