import type { ServerOperation } from "./operation.ts"
import type { ServerSession } from "./session.ts"
import type { AttachedChannel, SharedPv } from "./shared-pv.ts"

/** A client's channel to one PV, with the operations it has on it. */
export class ServerChannel implements AttachedChannel {
  readonly session: ServerSession
  readonly name: string
  readonly pv: SharedPv
  readonly cid: number
  readonly sid: number
  readonly operations = new Set<ServerOperation>()

  constructor(session: ServerSession, name: string, pv: SharedPv, cid: number, sid: number) {
    this.session = session
    this.name = name
    this.pv = pv
    this.cid = cid
    this.sid = sid
    pv.attach(this)
  }

  onPvClosed(): void {
    this.session.destroyChannel(this)
  }

  /** Ends everything the client has on it. */
  destroy(): void {
    for (const operation of this.operations) operation.destroy()
    this.operations.clear()
    this.pv.detach(this)
  }
}
