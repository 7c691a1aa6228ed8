import { describe, expect, expectTypeOf, it, vi } from "vitest"
import {
  type Component,
  choice,
  connect,
  Device,
  DeviceVector,
  double,
  group,
  integer,
  NotConnectedError,
  type Reading,
  RedundantStaging,
  type SignalR,
  SignalRW,
  SoftBackend,
  type Status,
  string,
} from "../../src/index.ts"
import { holdPuts, onPut, putsOf, setMockValue, TestClock } from "../../src/testing/index.ts"

class Axis extends Device {
  readonly setpoint = this.soft.rw(double, { units: "mm", limits: { control: { low: -10, high: 10 } } })
  readonly readback = this.soft.r(double, { kind: "hinted", as: "" })
  readonly velocity = this.soft.rw(double, { kind: "config", initial: 2 })
  readonly description = this.soft.rw(string, { kind: "omitted" })

  arrive(at: number): void {
    this.assign(this.readback, at)
  }
}

class Camera extends Device {
  readonly acquire = this.soft.rw(choice("Done", "Acquire"), { triggerValue: "Acquire", kind: "omitted" })
  readonly imageMode = this.soft.rw(choice("Single", "Multiple"), { kind: "config" })
  readonly numImages = this.soft.rw(integer, { initial: 1, kind: "config" })
  readonly statsTotalRBV = this.soft.r(double, { kind: "hinted" })
}

class Beamline extends Device {
  readonly x = new Axis()
  readonly cam = new Camera({ kind: "config" })
  readonly roi = group({ minX: this.soft.rw(integer), sizeX: this.soft.rw(integer) })
  readonly channels = new DeviceVector([1, 2], () => new Axis())
  readonly other: Axis

  constructor(name: string, other: Axis) {
    super({ name })
    this.other = other
  }
}

const make = () => new Beamline("b", new Axis({ name: "elsewhere" }))
const names = (device: Device) => [...device.signals()].map(signal => signal.name)

describe("names", () => {
  it("are the fields in snake case below the parent's name; `as` replaces the child's part", () => {
    expect(names(make())).toEqual([
      ...["b_x_setpoint", "b_x", "b_x_velocity", "b_x_description"],
      ...["b_cam_acquire", "b_cam_image_mode", "b_cam_num_images", "b_cam_stats_total_rbv"],
      ...["b_roi_min_x", "b_roi_size_x"],
      ...["b_channels_1_setpoint", "b_channels_1", "b_channels_1_velocity", "b_channels_1_description"],
      ...["b_channels_2_setpoint", "b_channels_2", "b_channels_2_velocity", "b_channels_2_description"],
    ])
  })

  it("are known to a child as soon as its device is built, without any call before", () => {
    expect(new Camera({ name: "cam" }).numImages.name).toBe("cam_num_images")
    expect(make().roi.minX.name).toBe("b_roi_min_x")
  })

  it("follow when a device is renamed, in readings and data keys", () => {
    const axis = new Axis({ name: "m1" })
    expect(Object.keys(axis.read())).toEqual(["m1_setpoint", "m1"])
    axis.name = "theta"
    expect(Object.keys(axis.read())).toEqual(["theta_setpoint", "theta"])
    expect(Object.keys(axis.describe())).toEqual(["theta_setpoint", "theta"])
    expect(axis.hints).toEqual({ fields: ["theta"] })
    axis.velocity.name = "speed"
    expect(Object.keys(axis.readConfiguration())).toEqual(["speed"])
  })

  it("a field that holds a device with a name of its own is a reference and no child", () => {
    const beamline = make()
    expect([...beamline.children.keys()]).toEqual(["x", "cam", "roi", "channels"])
    expect(beamline.other.parent).toBeNull()
  })
})

describe("documents of a device", () => {
  it("`read` has the normal and hinted members in the order of declaration", () => {
    expect(Object.keys(make().read())).toEqual([
      ...["b_x_setpoint", "b_x", "b_roi_min_x", "b_roi_size_x"],
      ...["b_channels_1_setpoint", "b_channels_1", "b_channels_2_setpoint", "b_channels_2"],
    ])
  })

  it("keep that order also when the members answer in another one", async () => {
    class Late extends SoftBackend<number> {
      override read(): Reading<number> {
        return new Promise(resolve => setImmediate(() => resolve(super.read()))) as unknown as Reading<number>
      }
    }
    class Mixed extends Device {
      readonly slow = new SignalRW(new Late(double))
      readonly quick = this.soft.rw(double)
    }
    expect(Object.keys(await new Mixed({ name: "d" }).read())).toEqual(["d_slow", "d_quick"])
  })

  it("a config member is in the configuration only; child devices bring theirs", () => {
    const axis = new Axis({ name: "m1" })
    expect(Object.keys(axis.readConfiguration())).toEqual(["m1_velocity"])
    expect(Object.keys(axis.describeConfiguration())).toEqual(["m1_velocity"])
    expect(Object.keys(make().readConfiguration())).toEqual([
      ...["b_x_velocity", "b_cam_image_mode", "b_cam_num_images"],
      ...["b_channels_1_velocity", "b_channels_2_velocity"],
    ])
  })

  it("a hinted member is in the hints", () => {
    expect(make().hints).toEqual({ fields: ["b_x", "b_channels_1", "b_channels_2"] })
  })

  it("follow when a kind is changed", () => {
    const axis = new Axis({ name: "m1" })
    axis.velocity.kind = "hinted"
    expect(Object.keys(axis.read())).toEqual(["m1_setpoint", "m1", "m1_velocity"])
    axis.kind = "omitted"
    expect(Object.keys(axis.read())).toHaveLength(3)
  })
})

describe("configure", () => {
  it("sets by path or by name and gives the configuration before and after", async () => {
    const camera = new Camera({ name: "cam" })
    const change = await camera.configure({ imageMode: "Multiple", cam_num_images: 5 })
    expect(change.old).toMatchObject({ cam_image_mode: { value: "Single" }, cam_num_images: { value: 1 } })
    expect(change.new).toMatchObject({ cam_image_mode: { value: "Multiple" }, cam_num_images: { value: 5 } })
  })

  it("checks all values before it writes the first", async () => {
    const camera = new Camera({ name: "cam" })
    await expect(camera.configure({ numImages: 5, imageMode: "Tripel" })).rejects.toThrow("cam_image_mode")
    await expect(camera.configure({ numImages: 5, gain: 1 })).rejects.toThrow(
      "cam: cannot configure gain: no such member",
    )
    await expect(camera.configure({ statsTotalRBV: 1 })).rejects.toThrow("it is read-only")
    expect(await camera.numImages.get()).toBe(1)
  })
})

describe("stage", () => {
  /** A mock camera and the log of all writes to it. */
  async function staged() {
    const camera = new Camera({ name: "cam" })
    await camera.connect({ mock: true })
    const log: unknown[] = []
    for (const signal of [camera.acquire, camera.imageMode, camera.numImages] as SignalRW<unknown>[]) {
      onPut(signal, value => void log.push(value))
    }
    camera.stageSignals.set(camera.imageMode, "Multiple").set("numImages", 7).setFirst(camera.acquire, "Done")
    setMockValue(camera.acquire, "Acquire")
    return { camera, log }
  }

  it("reads first, writes in order; unstage restores in reverse", async () => {
    const { camera, log } = await staged()
    expect(await camera.stage()).toEqual([camera])
    expect([log, camera.staged]).toEqual([["Done", "Multiple", 7], true])
    expect(await camera.unstage()).toEqual([camera])
    expect(log).toEqual(["Done", "Multiple", 7, 1, "Single", "Acquire"])
    await camera.unstage()
    expect([log.length, camera.staged]).toEqual([6, false])
  })

  it("twice throws", async () => {
    const { camera, log } = await staged()
    await camera.stage()
    await expect(camera.stage()).rejects.toBeInstanceOf(RedundantStaging)
    expect(log).toHaveLength(3)
  })

  it("whose third write fails restores the first two and throws", async () => {
    const { camera, log } = await staged()
    onPut(camera.numImages, value => {
      if (value === 7) throw new Error("too many")
      log.push(value)
    })
    await expect(camera.stage()).rejects.toThrow("cam_num_images: set 7 failed")
    expect(log.filter(v => v !== 1)).toEqual(["Done", "Multiple", "Single", "Acquire"])
    expect(camera.staged).toBe(false)
  })

  it("goes on restoring when one restore fails, and says so", async () => {
    const { camera, log } = await staged()
    await camera.stage()
    onPut(camera.imageMode, () => {
      throw new Error("jammed")
    })
    await expect(camera.unstage()).rejects.toThrow("jammed")
    expect(log.slice(3)).toEqual([1, "Acquire"])
    expect(camera.staged).toBe(false)
  })

  it("stages children in order, unstages them in reverse, and undoes them when a later one fails", async () => {
    const log: string[] = []
    class Part extends Device {
      override async stage(): Promise<Component[]> {
        log.push(`stage ${this.name}`)
        if (this.name === "d_bad") throw new Error("bad part")
        return super.stage()
      }
      override async unstage(): Promise<Component[]> {
        log.push(`unstage ${this.name}`)
        return super.unstage()
      }
    }
    class Good extends Device {
      readonly one = new Part()
      readonly two = new Part()
    }
    class Bad extends Device {
      readonly one = new Part()
      readonly bad = new Part()
    }
    const good = new Good({ name: "d" })
    expect((await good.stage()).map(d => d.name)).toEqual(["d", "d_one", "d_two"])
    expect((await good.unstage()).map(d => d.name)).toEqual(["d_two", "d_one", "d"])
    expect(log.splice(0)).toEqual(["stage d_one", "stage d_two", "unstage d_two", "unstage d_one"])
    await expect(new Bad({ name: "d" }).stage()).rejects.toThrow("bad part")
    expect(log).toEqual(["stage d_one", "stage d_bad", "unstage d_bad", "unstage d_one"])
  })
})

describe("trigger and stop", () => {
  it("writes the trigger values with completion and is done when they are", async () => {
    const camera = new Camera({ name: "cam" })
    await camera.connect({ mock: true })
    const gate = holdPuts(camera.acquire)
    const status = camera.trigger()
    expect(putsOf(camera.acquire)).toEqual([{ value: "Acquire", completion: true }])
    expect(status.done).toBe(false)
    gate.release()
    await status
    expect(new Axis().trigger().success).toBe(true)
  })

  it("stops all children also when one fails, then throws", async () => {
    const stopped = vi.fn()
    class Part extends Device {
      override async stop(options: { success?: boolean } = {}): Promise<void> {
        stopped(this.name, options.success)
        if (this.name === "d_a") throw new Error("a is stuck")
      }
    }
    class Two extends Device {
      readonly a = new Part()
      readonly b = new Part()
    }
    await expect(new Two({ name: "d" }).stop({ success: true })).rejects.toThrow("a is stuck")
    expect(stopped.mock.calls).toEqual([
      ["d_a", true],
      ["d_b", true],
    ])
  })
})

describe("connect", () => {
  /** A backend that connects, never does, or is refused. */
  class Remote extends SoftBackend<number> {
    override connection = { connected: false, state: "searching", address: "127.0.0.1:5064" }
    readonly #how: "up" | "absent" | "wrong"

    constructor(pv: string, how: "up" | "absent" | "wrong") {
      super(double, {}, `ca://${pv}`)
      this.#how = how
    }

    override async connect(): Promise<void> {
      if (this.#how === "absent") return new Promise(() => {})
      if (this.#how === "wrong") {
        this.connection = { ...this.connection, state: "wrong type" }
        throw new Error("declared double, the server has a string")
      }
      this.connection = { ...this.connection, connected: true, state: "connected" }
    }
  }

  const array = (absent: readonly number[]) =>
    new DeviceVector(
      Array.from({ length: 50 }, (_, i) => i),
      i => new SignalRW(new Remote(`IOC:${i}`, absent.includes(i) ? "absent" : "up")),
      { name: "array" },
    )

  it("to 50 signals of which three are absent gives one error naming those three, within one time-out", async () => {
    const clock = new TestClock()
    const device = array([3, 17, 42])
    const connecting = connect(device, { timeout: 5, clock })
    await new Promise(resolve => setImmediate(resolve))
    clock.advance(5)
    const error = await connecting.catch(e => e)
    expect(error).toBeInstanceOf(NotConnectedError)
    expect(error.message.split("\n")).toEqual([
      "3 of 50 signals did not connect within 5 s:",
      "  array",
      "    array_3 ca://IOC:3: searching after 5 s, last address 127.0.0.1:5064",
      "    array_17 ca://IOC:17: searching after 5 s, last address 127.0.0.1:5064",
      "    array_42 ca://IOC:42: searching after 5 s, last address 127.0.0.1:5064",
    ])
    expect(device.at(4).connected).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it("to a device of which nothing answers gives one line for its fifty signals, and names them all in failures", async () => {
    const clock = new TestClock()
    const every = Array.from({ length: 50 }, (_, i) => i)
    const connecting = connect(array(every), array([49]), { timeout: 5, clock })
    await new Promise(resolve => setImmediate(resolve))
    clock.advance(5)
    const error: NotConnectedError = await connecting.catch(e => e)
    expect(error.message.split("\n")).toEqual([
      "51 of 100 signals did not connect within 5 s:",
      "  array",
      "    array_0 ca://IOC:0 and all 49 others of this device: searching after 5 s, last address 127.0.0.1:5064",
      "  array",
      "    array_49 ca://IOC:49: searching after 5 s, last address 127.0.0.1:5064",
    ])
    expect(error.failures).toHaveLength(51)
  })

  it("to a device says where it was refused, and tells its signals in one line also with a group between them", async () => {
    class Refused extends SoftBackend<number> {
      override connection = {
        ...{ connected: false, state: "searching", address: "127.0.0.1:5064" },
        reason: "127.0.0.1:5064 refused the connection (ECONNREFUSED)",
      }
      override connect = () => new Promise<void>(() => {})
    }
    const refused = (i: number) => new SignalRW(new Refused(double, {}, `ca://IOC:${i}`))
    class Station extends Device {
      constructor() {
        super({ name: "station" })
        for (let i = 0; i < 20; i++)
          Object.assign(this, { [`s${i}`]: i === 10 ? group({ low: refused(i) }) : refused(i) })
      }
    }
    const clock = new TestClock()
    const connecting = connect(new Station(), { timeout: 5, clock })
    clock.advance(5)
    const error: NotConnectedError = await connecting.catch(e => e)
    const why = "searching after 5 s: 127.0.0.1:5064 refused the connection (ECONNREFUSED)"
    expect(error.message.split("\n")).toEqual([
      "20 of 20 signals did not connect within 5 s:",
      "  station",
      `    station_s0 ca://IOC:0 and all 18 others of this device: ${why}`,
      "    station_s10",
      `      station_s10_low ca://IOC:10: ${why}`,
    ])
    expect(error.failures.map(f => f.component.name)[10]).toBe("station_s10_low")
  })

  it("lists what failed at once and what never came, of several devices, as one tree in order", async () => {
    class Stage extends Device {
      readonly x = group({ pos: new SignalRW(new Remote("IOC:x", "absent")) })
      readonly y = new SignalRW(new Remote("IOC:y", "wrong"))
    }
    const clock = new TestClock()
    const connecting = connect(new Stage({ name: "stage" }), array([0]), { timeout: 2, clock })
    await new Promise(resolve => setImmediate(resolve))
    clock.advance(2)
    const error: NotConnectedError = await connecting.catch(e => e)
    expect(error.message.split("\n")).toEqual([
      "3 of 52 signals did not connect within 2 s:",
      "  stage",
      "    stage_x",
      "      stage_x_pos ca://IOC:x: searching after 2 s, last address 127.0.0.1:5064",
      "    stage_y ca://IOC:y: wrong type after under 1 ms, last address 127.0.0.1:5064: declared double, the server has a string",
      "  array",
      "    array_0 ca://IOC:0: searching after 2 s, last address 127.0.0.1:5064",
    ])
    expect(error.failures.map(f => f.component.name)).toEqual(["stage_x_pos", "stage_y", "array_0"])
  })

  it("writes out the first 200 failures and counts the rest", async () => {
    const many = new DeviceVector(
      Array.from({ length: 230 }, (_, i) => i),
      i => new SignalRW(new Remote(`P:${i}`, "wrong")),
    )
    const error: NotConnectedError = await many.connect().catch(e => e)
    expect(error.message.split("\n").at(-1)).toBe("  and 30 more")
    expect(error.failures).toHaveLength(230)
  })

  it("can be ended by an AbortSignal, and is at once done when there is nothing to do", async () => {
    const controller = new AbortController()
    const connecting = connect(array([1]), { signal: controller.signal })
    controller.abort(new Error("changed my mind"))
    await expect(connecting).rejects.toThrow("changed my mind")
    await connect(new Axis(), {})
    await connect()
  })

  it("in mock mode needs no server, gives readable defaults, keeps soft values and records puts", async () => {
    const device = array([0, 1, 2])
    await device.connect({ mock: true })
    expect(await device.at(0).get()).toBe(0)
    await device.at(0).set(5)
    expect(putsOf(device.at(0))).toEqual([{ value: 5, completion: true }])
    expect(device.at(0).source).toBe("mock+ca://IOC:0")
    const axis = new Axis({ name: "m1" })
    await axis.connect({ mock: true })
    expect(await axis.velocity.get()).toBe(2)
    axis.arrive(3)
    expect(await axis.readback.get()).toBe(3)
    expect(() => axis.setpoint.set(11)).toThrow("m1_setpoint: 11 mm is outside its limits -10 to 10 mm")
  })
})

describe("introspection", () => {
  it("walks all components with their paths, parents first", () => {
    const paths = [...make().walk()].map(({ path }) => path)
    expect(paths.slice(0, 6)).toEqual(["x", "x.setpoint", "x.readback", "x.velocity", "x.description", "cam"])
    expect(paths).toContain("channels.2.readback")
  })

  it("prints a summary", () => {
    expect(new Camera({ name: "cam" }).summary().split("\n")[2]).toMatch(
      /^cam_num_images +config +integer +soft:\/\/cam_num_images$/,
    )
  })
})

it("types: a read-only signal has no set, a wrong label or type does not compile", () => {
  const camera = new Camera()
  expectTypeOf(camera.statsTotalRBV).toEqualTypeOf<SignalR<number>>()
  expectTypeOf(camera.statsTotalRBV).not.toHaveProperty("set")
  expectTypeOf(camera.imageMode.set).parameter(0).toEqualTypeOf<"Single" | "Multiple">()
  expectTypeOf(camera.imageMode.get()).resolves.toEqualTypeOf<"Single" | "Multiple">()
  expectTypeOf(camera.numImages.set(1)).toEqualTypeOf<Status<void>>()
  expectTypeOf(make().roi.minX).toEqualTypeOf<SignalRW<number>>()
  const wrong = () => {
    // @ts-expect-error a label that the choice does not have
    camera.imageMode.set("Tripel")
    // @ts-expect-error text for a number
    camera.numImages.set("3")
    // @ts-expect-error stage values are typed as well
    camera.stageSignals.set(camera.imageMode, "Tripel")
    class X extends Device {
      // @ts-expect-error an initial value that the choice does not have
      readonly mode = this.soft.rw(choice("A", "B"), { initial: "C" })
    }
    return X
  }
  expect(wrong).toBeTypeOf("function")
})
