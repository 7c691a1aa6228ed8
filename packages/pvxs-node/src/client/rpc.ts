import { PvaInputError } from "../errors.ts"
import { codecOf } from "../values/codec.ts"
import { createAny } from "../values/create.ts"
import type { StructureType } from "../values/field-type.ts"
import { layoutOf } from "../values/layout.ts"
import { isStructure, nodeOf, slotsOf } from "../values/structure.ts"
import type { PvStructureValue } from "../values/value-of.ts"
import { Command, Sub } from "../wire/codes.ts"
import { readType, writeType } from "../wire/field-desc.ts"
import type { PvRequest } from "../wire/pv-request.ts"
import type { Reader } from "../wire/reader.ts"
import type { ChannelCore } from "./channel-core.ts"
import type { CallOptions } from "./job.ts"
import type { Request } from "./request.ts"
import { RequestJob } from "./request-job.ts"

export interface RpcOptions extends CallOptions {
  /** Ask this server (`host[:port]`) without a search: for channels that every server has, such as `server`. */
  readonly server?: string
  readonly request?: string | PvRequest
}

class RpcJob extends RequestJob<PvStructureValue | null> {
  readonly what = "call of"
  readonly #argument: object | null

  constructor(core: ChannelCore, argument: object | null, options: RpcOptions) {
    super(core, options)
    this.#argument = argument
  }

  execute(request: Request): void {
    const argument = this.#argument
    request.exec(Sub.exec, w => {
      const type = argument === null ? null : (nodeOf(argument).type as StructureType)
      writeType(w, type)
      if (type !== null) layoutOf(type).encodeWhole(w, slotsOf(argument!))
    })
    this.inFlight = true
  }

  onReply(_request: Request, _sub: number, reader: Reader): void {
    const type = reader.remaining === 0 ? null : readType(reader)
    this.inFlight = false
    this.succeed(type === null ? null : (codecOf(type).decode(reader) as PvStructureValue))
  }
}

/**
 * Calls a remote procedure. The argument is a structure made by `create` or `ntUri`, or null; the result any
 * structure, or null. A call whose connection breaks rejects with PVA_OUTCOME_UNKNOWN and is not repeated.
 */
export function rpc(
  core: ChannelCore,
  argument: object | null,
  options: RpcOptions = {},
): Promise<PvStructureValue | null> {
  const key = core.client.requestKey(options.request)
  return new RpcJob(core, argument === null ? null : whole(argument), options).start(
    core.acquire(Command.rpc, key),
  )
}

/** A sub-structure shares the slots of the structure it is part of; sent alone it needs its own. */
const whole = (value: object): object => {
  if (!isStructure(value))
    throw new PvaInputError("the argument of a call is a structure made by `create`, or null")
  const node = nodeOf(value)
  return node.bit === 0 ? value : createAny(node.type as StructureType, value)
}
