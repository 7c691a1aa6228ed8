export { FakeClock, seededRandom } from "./fake-clock.ts"
export {
  type ChunkHook,
  type ProxiedConnection,
  type ProxyTarget,
  TcpLane,
  TcpProxy,
} from "./tcp-proxy.ts"
export { type DatagramHook, UdpLane, UdpProxy } from "./udp-proxy.ts"
