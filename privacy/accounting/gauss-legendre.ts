/** Nodes and weights of Gauss-Legendre rules on [-1, 1] (Abramowitz and Stegun, table 25.4). */
export type Rule = { readonly nodes: readonly number[]; readonly weights: readonly number[] };

export const rule2: Rule = {
  nodes: [-0.5773502691896257, 0.5773502691896257],
  weights: [1, 1],
};

export const rule3: Rule = {
  nodes: [-0.7745966692414834, 0, 0.7745966692414834],
  weights: [0.5555555555555556, 0.8888888888888888, 0.5555555555555556],
};

export const rule5: Rule = {
  nodes: [-0.906179845938664, -0.5384693101056831, 0, 0.5384693101056831, 0.906179845938664],
  weights: [
    0.2369268850561891, 0.4786286704993665, 0.5688888888888889, 0.4786286704993665, 0.2369268850561891,
  ],
};
