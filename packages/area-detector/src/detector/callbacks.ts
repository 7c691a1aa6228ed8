import type { AdDriver } from "../device/ad-driver.ts"
import { AreaDetectorError } from "../errors.ts"
import type { NdPlugin } from "../plugins/plugin.ts"

/** Throws PLUGIN_DISABLED when frames do not arrive because they are switched off at the plugin, or at the camera. */
export async function checkCallbacks(plugin: NdPlugin, driver: AdDriver): Promise<void> {
  const switches = [plugin.enableCallbacks, driver.arrayCallbacks]
  const on = await Promise.all(switches.map(signal => signal.get()))
  const off = switches.filter((_, i) => !on[i])
  if (off.length === 0) return
  const names = off.map(signal => signal.source).join(" and ")
  throw new AreaDetectorError(
    "PLUGIN_DISABLED",
    `${plugin.name}: no frames arrive, because somebody switched off ${names}`,
  )
}
