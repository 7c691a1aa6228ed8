import { Status, until } from "@ophyd-ts/core"
import type { AdDriver } from "../device/ad-driver.ts"
import { isPresent } from "../device/optional.ts"
import type { NdPlugin } from "../plugins/plugin.ts"
import type { ArmLogic } from "./logic.ts"
import { Settings } from "./settings.ts"

/**
 * Takes one frame through all plugins, so that they know its size and type, and puts all settings back. Waits for the
 * number of the frame, not for a time.
 */
export async function prime(
  driver: AdDriver,
  plugins: readonly NdPlugin[],
  arm: ArmLogic,
  timeout: number,
): Promise<void> {
  const settings = new Settings(timeout)
  await arm.ensureStopped()
  try {
    await Promise.all([
      settings.write(driver.arrayCallbacks, true),
      settings.write(driver.imageMode, "Multiple"),
      settings.write(driver.numImages, 1),
      ...plugins.map(plugin => settings.write(plugin.enableCallbacks, true)),
    ])
    // File plugins count frames that they write, and these are not written.
    const numbers = plugins.map(({ uniqueId, arrayCounter }) =>
      isPresent(uniqueId) ? uniqueId : arrayCounter,
    )
    const before = await Promise.all(numbers.map(number => number.get()))
    await arm.start().wait({ timeout: (await arm.duration(1)) + timeout })
    await arm.check()
    const seen = numbers.map((number, i) => until(number, now => now !== before[i]))
    const all = Status.all(seen, { name: driver.name, action: "prime plugins of", timeout })
    await all.wait().finally(() => all.cancel())
  } finally {
    await arm.ensureStopped()
    await settings.restore(driver.name)
  }
}
