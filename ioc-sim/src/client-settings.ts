/** Settings of a Channel Access or pvAccess client that reaches one IOC only, over TCP, and sends no datagram. */
export interface ClientSettings {
  readonly nameServers: readonly string[]
  readonly addressList: readonly string[]
  readonly autoAddressList: false
}

/** Settings for the IOC whose TCP port on 127.0.0.1 this is. */
export function clientSettings(port: number): ClientSettings {
  return { nameServers: [`127.0.0.1:${port}`], addressList: [], autoAddressList: false }
}
