// The most telling of the cases: a router that has its own disk and nothing else.
import { promised } from './promised.ts'

promised('a router that starts without Redis serves what it served before', 'restart with redis down')
promised('a router whose newest snapshot is damaged serves the one before', 'last known good with a bit flipped, restart with redis stopped')
