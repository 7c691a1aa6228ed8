export { DocumentRecorder, recordDocuments } from "./recorder.ts"
export { peakAt, SimDetector, type SimDetectorOptions, simDetector } from "./sim-detector.ts"
export { SimMotor, type SimMotorOptions, simMotor } from "./sim-motor.ts"
