export { DoseDetector, type DoseDetectorOptions } from "./dose-detector.ts"
export { MotorSlit, type MotorSlitOptions } from "./motor-slit.ts"
