import { type DmService, dmServices } from "@ophyd-ts/aps-dm"
import { Listener } from "./http/listener.ts"
import { RequestHandler, type RequestHandlerOptions } from "./http/request-handler.ts"
import { type SessionOptions, Sessions } from "./sessions.ts"

/** A port with the sessions that are valid on it. */
export interface Port {
  /** undefined: it serves all. */
  readonly service: DmService | undefined
  readonly listener: Listener
  readonly sessions: Sessions
}

export type PortSettings = Omit<RequestHandlerOptions, "service" | "sessions"> &
  Omit<ConstructorParameters<typeof Listener>[0], "onRequest"> & {
    readonly ports: "one" | "five"
    readonly sessionOptions: SessionOptions
  }

/** Opens one port for each service, or one for all. Nothing stays open when one cannot be. */
export async function openPorts(settings: PortSettings): Promise<Port[]> {
  const services = settings.ports === "one" ? [undefined] : dmServices
  const ports = services.map((service, index): Port => {
    const sessions = new Sessions(settings.sessionOptions)
    const handler = new RequestHandler({ ...settings, service, sessions })
    const port = settings.port === 0 ? 0 : settings.port + index
    const onRequest = handler.handle.bind(handler)
    return { service, sessions, listener: new Listener({ ...settings, port, onRequest }) }
  })
  try {
    for (const { listener } of ports) await listener.open()
  } catch (error) {
    await Promise.all(ports.map(port => port.listener.close()))
    throw error
  }
  return ports
}

/** Address of each service. */
export const urlsOf = (ports: readonly Port[]): Record<DmService, string> =>
  Object.fromEntries(
    dmServices.map(service => {
      const port = ports.find(p => p.service === service) ?? ports[0]
      return [service, port?.listener.url ?? ""]
    }),
  ) as Record<DmService, string>
