import { formatSeconds, type Named, systemClock } from "@ophyd-ts/core"
import { AreaDetectorError } from "../errors.ts"

interface Claim {
  readonly owner: Named
  readonly since: number
}

/** Who has staged which camera, by client and PV: two objects of one process may stand for the same camera. */
const claims = new WeakMap<object, Map<string, Claim>>()

/** Takes the camera, or throws CLAIMED and says who has it. The function that it gives lets it go. */
export function claim(client: object, camera: string, owner: Named): () => void {
  const ofClient = claims.get(client) ?? new Map<string, Claim>()
  claims.set(client, ofClient)
  const present = ofClient.get(camera)
  if (present !== undefined) {
    const since = formatSeconds(systemClock.now() - present.since)
    throw new AreaDetectorError(
      "CLAIMED",
      `${owner.name}: the camera ${camera} has been staged by ${present.owner.name} for ${since}; unstage that first`,
    )
  }
  ofClient.set(camera, { owner, since: systemClock.now() })
  return () => void ofClient.delete(camera)
}
