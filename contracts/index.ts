/** The contracts' interfaces, typed for viem, and what creates them. Sources with their documentation: `src/`. */
export { checkpointsAbi, checkpointsBytecode } from './generated/checkpoints.ts';
export { ownershipAbi, ownershipBytecode } from './generated/ownership.ts';
