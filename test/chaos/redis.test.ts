// The most telling of the cases, each with what it promises; the whole list is `npm run chaos`. Here: Redis itself.
import { promised } from './promised.ts'

promised('while Redis hangs every viewer is answered, and what is published afterwards arrives', 'redis stopped with SIGSTOP for 10 s')
promised('a Redis that forgot everything takes nothing from a router, operators\' commands neither, and the next publication is above what it runs', 'FLUSHALL')
