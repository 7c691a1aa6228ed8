/** Serves the images of the plugin `Pva1:` as NTNDArray over pvAccess. */
import {
  type InputOf,
  ndArray,
  ntNdArray,
  PvAny,
  type PvaServer,
  SharedPv,
  scalar,
  type TimeStamp,
} from "pvxs-node"
import { epicsEpoch, type Frame, type FrameAttribute } from "./area-detector/frame.ts"
import type { PvaPlugin } from "./area-detector/plugins/pva.ts"

/** `sourceType` of NTAttribute, by the numbers of areaDetector's NDAttrSource_t. */
const sourceTypes: Readonly<Record<FrameAttribute["source"], number>> = { Driver: 0, Param: 1, "EPICS PV": 2 }
const scalars = { int: scalar("int"), double: scalar("double"), string: scalar("string") } as const

/** The PV that holds the newest image, to be taken away and brought back. */
export interface ServedImages {
  readonly name: string
  disconnect(): void
  reconnect(): void
}

/** Adds the PV that holds the newest image. */
export function serveImages(server: PvaServer, plugin: PvaPlugin): ServedImages {
  const pv = new SharedPv(ntNdArray)
  server.add(plugin.pvName, pv)
  plugin.serve(frame => {
    if (pv.isOpen) pv.post(inputOf(frame))
  })
  return {
    name: plugin.pvName,
    disconnect: () => pv.close(),
    reconnect: () => {
      if (!pv.isOpen) pv.open(ntNdArray)
    },
  }
}

function inputOf(frame: Frame): InputOf<typeof ntNdArray> {
  const { data, dimensions, colorMode, uniqueId, attributes } = frame
  const time: TimeStamp = {
    secondsPastEpoch: frame.seconds + epicsEpoch,
    nanoseconds: frame.nanoseconds,
    userTag: 0,
  }
  return {
    ...ndArray({ data, shape: dimensions.map(({ size }) => size), colorMode, uniqueId, time }),
    dimension: dimensions.map(dimension => ({ ...dimension })),
    attribute: attributes.map(({ name, description, source, from, type, value }) => ({
      name,
      value: new PvAny(scalars[type], value),
      descriptor: description,
      sourceType: sourceTypes[source],
      source: from,
    })),
  }
}
