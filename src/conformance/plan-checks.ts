import {
  canonicalJson,
  createReadRegistry,
  epsilonOf,
  mechanismOf,
  secureStream,
  type DpEvent,
  type Plan,
} from '../../privacy/index.ts';
import type { Verdicts } from './verdicts.ts';

/** Steps before the plan's last, at which the mechanisms take over. */
const lastSteps = 8;

/**
 * Takes the last steps that the mechanisms allow, composes what they say that they did, and asks the accountant anew: the plan
 * must claim no less than that.
 */
export async function checkPlan(plan: Plan, verdicts: Verdicts): Promise<void> {
  const events: DpEvent[] = [];
  for (const phase of plan.phases) {
    const mechanism = mechanismOf(phase, secureStream(), Math.max(0, phase.steps - lastSteps));
    let count = mechanism.taken;
    while (await stepped(mechanism)) count += 1;
    verdicts.plan.must(`phase ${phase.name} has the plan's number of steps`, count === phase.steps);
    events.push(mechanism.eventOf(count));
  }
  for (const read of createReadRegistry(plan.reads).declared) {
    if (read.disposition === 'charged') {
      events.push({ kind: 'self-composed', count: read.uses, event: read.event });
    }
  }
  const event: DpEvent = events.length === 1 ? events[0]! : { kind: 'composed', events };
  verdicts.plan.must(
    "the plan's events are those of its mechanisms",
    canonicalJson(event) === canonicalJson(plan.event),
  );
  const { epsilon } = epsilonOf(event, { delta: plan.delta, relation: plan.relation });
  verdicts.plan.must(
    'the plan claims no less epsilon than its mechanisms cost',
    epsilon.upper <= plan.epsilon * (1 + 1e-12),
  );
  const steps = plan.phases.reduce((sum, phase) => sum + phase.steps, 0);
  verdicts.plan.note(`${steps} steps, the last ones taken without data, accounted anew`);
}

/** False once the mechanism refuses. */
async function stepped(mechanism: ReturnType<typeof mechanismOf>): Promise<boolean> {
  try {
    mechanism.sample(0);
  } catch {
    return false;
  }
  await mechanism.release({});
  return true;
}
