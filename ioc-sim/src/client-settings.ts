/** Settings of a Channel Access or pvAccess client that reaches one IOC only. */
export interface ClientSettings {
  readonly nameServers: readonly string[]
  readonly addressList: readonly string[]
  readonly autoAddressList: false
}

/** Settings for the IOC whose TCP port, on 127.0.0.1 unless another host is named, this is. */
export function clientSettings(port: number, host = "127.0.0.1"): ClientSettings {
  return { nameServers: [`${host}:${port}`], addressList: [], autoAddressList: false }
}

/** Settings for an IOC that answers searches at this UDP port of 127.0.0.1 only. */
export function searchSettings(port: number): ClientSettings {
  return { nameServers: [], addressList: [`127.0.0.1:${port}`], autoAddressList: false }
}
