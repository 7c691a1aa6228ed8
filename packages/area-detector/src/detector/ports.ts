import type { NdArrayDevice } from "../device/nd-array.ts"
import { AreaDetectorError } from "../errors.ts"
import type { NdPlugin } from "../plugins/plugin.ts"

/** Where a plugin takes its frames from. */
export interface PortLink {
  readonly plugin: NdPlugin
  /** The port it names. */
  readonly port: string
  /** The camera or plugin that has this port; null when none of the detector has it. */
  readonly source: NdArrayDevice | null
}

/**
 * The chain of frames: for each plugin the device that it takes them from. Throws WRONG_PORT, with all of them in one message,
 * when a plugin names a port that none of these devices has, and when plugins feed each other in a circle.
 */
export async function validatePorts(
  driver: NdArrayDevice,
  plugins: readonly NdPlugin[],
): Promise<PortLink[]> {
  const devices: readonly NdArrayDevice[] = [driver, ...plugins]
  const [ports, wanted] = await Promise.all([
    Promise.all(devices.map(device => device.portName.get())),
    Promise.all(plugins.map(plugin => plugin.ndArrayPort.get())),
  ])
  const links = plugins.map((plugin, i): PortLink => {
    const port = wanted[i] ?? ""
    return { plugin, port, source: devices[ports.indexOf(port)] ?? null }
  })
  const wrong = links.flatMap(({ plugin, port, source }) =>
    source === null
      ? [`${plugin.name} takes its frames from port "${port}" (${plugin.ndArrayPort.source})`]
      : [],
  )
  if (wrong.length > 0) {
    const known = devices.map((device, i) => `${ports[i]} (${device.name})`).join(", ")
    throw new AreaDetectorError(
      "WRONG_PORT",
      `${wrong.join("; ")}: the detector has the ports ${known}. Name the plugin between among its plugins, or set NDArrayPort`,
    )
  }
  for (const { plugin } of links) {
    const seen = new Set<NdArrayDevice>()
    let at: NdArrayDevice | null = plugin
    while (at !== null && at !== driver) {
      if (seen.has(at)) {
        throw new AreaDetectorError("WRONG_PORT", `${plugin.name}: its plugins feed each other in a circle`)
      }
      seen.add(at)
      const here: NdArrayDevice = at
      at = links.find(link => link.plugin === here)?.source ?? null
    }
  }
  return links
}
