import {
  type NdArrayInput,
  ndArray,
  ntNdArray,
  PvaClient,
  type PvaClientConfig,
  PvaServer,
  type PvaServerConfig,
  SharedPv,
} from "pvxs-node"
import { Frame, type FrameParts, pixelTypeOf } from "../../src/images/index.ts"

export const at = (secondsPastEpoch: number, nanoseconds = 0) => ({
  secondsPastEpoch,
  nanoseconds,
  userTag: 0,
})

/** A frame made by hand; shape in row-major order. */
export function frameOf(parts: Partial<FrameParts> & Pick<FrameParts, "data">): Frame {
  const { data } = parts
  return new Frame({
    source: "pva://test",
    dtype: pixelTypeOf(data),
    shape: [data.length],
    colorMode: "Mono",
    uniqueId: 1,
    dataTimeStamp: at(0),
    timeStamp: at(0),
    attributes: new Map(),
    dimensions: [],
    codec: "",
    compressedSize: data.byteLength,
    uncompressedSize: data.byteLength,
    ...parts,
  })
}

/** A server with one image PV that nobody else can see, and a client of it. */
export class ImageServer implements AsyncDisposable {
  readonly pv = new SharedPv(ntNdArray)
  readonly name = `t${Math.random().toString(36).slice(2, 8)}:Image`
  server!: PvaServer
  client!: PvaClient

  static async open(config: PvaServerConfig = {}, clientConfig: PvaClientConfig = {}): Promise<ImageServer> {
    const images = new ImageServer()
    images.server = await PvaServer.open({ isolated: true, ...config })
    images.server.add(images.name, images.pv)
    images.client = new PvaClient({ ...images.server.clientConfig(), timeout: 20, ...clientConfig })
    return images
  }

  /** Publishes a frame with this number: one row of its number. */
  post(uniqueId: number, image: Partial<NdArrayInput> = {}): void {
    const data = Uint16Array.of(uniqueId & 0xffff, 0)
    this.pv.post(ndArray({ data, shape: [2, 1], uniqueId, time: at(1000 + uniqueId), ...image }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close()
    await this.server.close()
  }
}

/** Bytes from hex digits; what stands between parentheses and blanks only help the eye. */
export const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replaceAll(/\([^)]*\)|\s/g, "").match(/../g) ?? [], pair => Number.parseInt(pair, 16))
