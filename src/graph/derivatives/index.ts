import type { Op } from '../ir.ts';
import { axes } from './axes.ts';
import { elementwise } from './elementwise.ts';
import { parameters } from './parameters.ts';
import type { Vjp, Vjps } from './vjp.ts';

const table: Vjps<Op> = { ...elementwise, ...axes, ...parameters };

/** The derivative rule of an op. */
export function vjpOf(op: Op): Vjp {
  return table[op] as Vjp;
}

export { useOf, type Use } from './parameters.ts';
