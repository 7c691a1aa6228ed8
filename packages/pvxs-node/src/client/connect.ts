import type { PvaError } from "../errors.ts"
import type { ChannelCore, ChannelUser } from "./channel-core.ts"
import { type CallOptions, Job } from "./job.ts"

class ConnectJob extends Job<void> implements ChannelUser {
  readonly what = "connection to"

  begin(): void {
    this.succeed()
  }

  lost(): void {}

  onTick(): void {}

  closed(reason: PvaError): void {
    this.fail(reason)
  }

  protected override over(): void {
    this.core.leave(this)
  }
}

/** Resolves once the channel is connected. */
export function connect(core: ChannelCore, options: CallOptions = {}): Promise<void> {
  const job = new ConnectJob(core, options)
  core.join(job)
  if (options.signal?.aborted === true) job.abort()
  return job.promise
}
