import t from 'tap'
import { MemoryStore } from '../../src/state/memory.ts'
import { stateStoreContract } from './contract.ts'

stateStoreContract(t, () => Promise.resolve(new MemoryStore()))
