/** Asyn ports that give images, and who listens to which: plugins name the port that they take images from. */
import type { Frame } from "./frame.ts"

/** Takes a frame. A promise says that the sender has to wait, as with blocking callbacks. */
export type FrameListener = (frame: Frame) => Promise<void> | void

/** A source of images. */
export class ArrayPort {
  readonly name: string
  readonly #listeners = new Set<FrameListener>()

  constructor(name: string) {
    this.name = name
  }

  /** Gives the function that ends it. */
  subscribe(listener: FrameListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Hands a frame to all listeners. The promise, if any, settles when the blocking ones are through. */
  publish(frame: Frame): Promise<void> | void {
    let blocking: Promise<void>[] | undefined
    for (const listener of this.#listeners) {
      const outcome = listener(frame)
      if (outcome instanceof Promise) blocking = [...(blocking ?? []), outcome]
    }
    return blocking && Promise.all(blocking).then(() => {})
  }
}

/** The ports of one IOC by name. */
export type ArrayPorts = ReadonlyMap<string, ArrayPort>
