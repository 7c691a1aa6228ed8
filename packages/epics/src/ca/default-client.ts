import { CaClient } from "node-epics-ca"

let client: CaClient | null = null

/**
 * The Channel Access client of the process: devices that were given none use it. Made at first use, with the settings
 * of the EPICS variables.
 */
export function defaultCaClient(): CaClient {
  client ??= new CaClient()
  return client
}

/** Closes the process-wide client, so that the process may end. The next use makes another one. */
export async function closeDefaultClients(): Promise<void> {
  const closing = client
  client = null
  await closing?.close()
}
