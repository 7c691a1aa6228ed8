import type { StructureType } from "../values/field-type.ts"
import type { PvStructureValue, ReadAs } from "../values/value-of.ts"
import { Command, Sub } from "../wire/codes.ts"
import type { PvRequest } from "../wire/pv-request.ts"
import type { Reader } from "../wire/reader.ts"
import type { ChannelCore } from "./channel-core.ts"
import { checkDeclared } from "./declared.ts"
import type { CallOptions } from "./job.ts"
import type { Request } from "./request.ts"
import { RequestJob } from "./request-job.ts"

export interface GetOptions<T extends StructureType | undefined = undefined> extends CallOptions {
  /** Which fields, and options of `record[...]`. Servers may send more than was asked for. Default everything. */
  readonly request?: string | PvRequest
  /** The type that the value must have: the result is then typed by it. A channel that differs rejects with PVA_TYPE_MISMATCH. */
  readonly type?: T
}

class GetJob extends RequestJob<PvStructureValue> {
  readonly what = "get"
  readonly #declared: StructureType | undefined

  constructor(core: ChannelCore, options: GetOptions<StructureType | undefined>) {
    super(core, options)
    this.#declared = options.type
  }

  execute(request: Request): void {
    checkDeclared(this.core.name, request.layout.type, this.#declared)
    request.exec(Sub.exec)
  }

  onReply(request: Request, _sub: number, reader: Reader): void {
    const { layout } = request
    const slots = layout.empty.slice()
    layout.readFields(reader).decode(reader, slots)
    this.succeed(layout.view(slots))
  }
}

/** Reads a channel once. Repeated gets re-execute one operation and cost one round trip each. */
export function get<T extends StructureType | undefined = undefined>(
  core: ChannelCore,
  options: GetOptions<T> = {},
): Promise<ReadAs<T>> {
  const key = core.client.requestKey(options.request)
  return new GetJob(core, options).start(core.acquire(Command.get, key)) as Promise<ReadAs<T>>
}
