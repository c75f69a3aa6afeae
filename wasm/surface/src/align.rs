// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Levenberg and Marquardt over the pose: partners, one step, partners again (Besl and McKay, IEEE PAMI 14(2), 1992).

use crate::loss::{Kind, Loss};
use crate::pairs::{find, Pairs, Target, NONE};
use crate::system::{cost, linearise, pair, Method, Source, System};
use crate::vector::{norm, Motion, V3};
use nalgebra::{Matrix6, Vector6};

/// How to align. `sigma` is the residuals' standard deviation for a robust loss; zero: from their median, as it goes.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub method: Method,
    pub loss: Kind,
    pub sigma: f64,
    pub reach: f64,
    pub most_iterations: u32,
    pub rotation_epsilon: f64,
    pub translation_epsilon: f64,
}

/// Where it ended: the pose of the centred source in the centred target.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub motion: Motion,
    pub iterations: u32,
    pub converged: bool,
    pub sigma: f64,
    pub cost: f64,
}

/// Fewer partners than this leave a pose open.
pub const FEWEST: usize = 6;
const MOST_TRIES: u32 = 10;
/// A step is nothing beside the noise where its square is this share of the covariance; after many steps, where points go to
/// and fro between two facets, a larger one.
const NEGLIGIBLE: f64 = 1e-4;
const NEGLIGIBLE_LATE: f64 = 1e-2;
const LATE: u32 = 15;
/// The scale is kept after so many steps, so that the loop can come to rest.
const SCALE_STEPS: u32 = 10;

/// Runs from `start`; None where fewer than six source points have a partner within reach.
pub fn align(
    target: &Target,
    source: &Source,
    start: Motion,
    settings: &Settings,
    pairs: &mut Pairs,
    scratch: &mut [f64],
) -> Option<Outcome> {
    let mut outcome = Outcome { motion: start, iterations: 0, converged: false, sigma: settings.sigma, cost: 0.0 };
    let mut damping = 0.0;
    pairs.forget();
    while outcome.iterations < settings.most_iterations && !outcome.converged {
        let found = find(target, source.points, &outcome.motion, settings.reach, pairs);
        if found < FEWEST {
            return None;
        }
        if settings.loss != Kind::Squared && settings.sigma == 0.0 && outcome.iterations < SCALE_STEPS {
            outcome.sigma = spread(source, pairs, &outcome.motion, scratch);
        }
        let loss = Loss::new(settings.loss, outcome.sigma);
        let system = linearise(source, pairs, &outcome.motion, settings.method, &loss);
        outcome.iterations += 1;
        match step(source, pairs, settings.method, &loss, &system, &outcome.motion, &mut damping) {
            Some((motion, shift, turn, cost)) => {
                (outcome.motion, outcome.cost) = (motion, cost);
                let small = norm(&turn) <= settings.rotation_epsilon && norm(&shift) <= settings.translation_epsilon;
                let share = if outcome.iterations <= LATE { NEGLIGIBLE } else { NEGLIGIBLE_LATE };
                let freedom = (found as f64 - 6.0).max(1.0);
                outcome.converged = small || system.square(&shift, &turn) <= share * cost / freedom;
            }
            // no step is downhill: it stands at a minimum, to rounding
            None => {
                (outcome.converged, outcome.cost) = (true, system.cost);
            }
        }
    }
    Some(outcome)
}

type Step = Option<(Motion, V3, V3, f64)>;

fn step(
    source: &Source,
    pairs: &Pairs,
    method: Method,
    loss: &Loss,
    system: &System,
    from: &Motion,
    damping: &mut f64,
) -> Step {
    for _ in 0..MOST_TRIES {
        if let Some(delta) = solve(system, *damping) {
            let (shift, turn) = ([delta[0], delta[1], delta[2]], [delta[3], delta[4], delta[5]]);
            let to = from.moved(&shift, &turn);
            let after = cost(source, pairs, &to, method, loss);
            if after <= system.cost {
                *damping = if *damping > 1e-6 { *damping * 0.1 } else { 0.0 };
                return Some((to, shift, turn, after));
            }
        }
        *damping = (*damping * 10.0).max(1e-4);
    }
    None
}

/// The damped step; None where the matrix is not positive definite.
fn solve(system: &System, damping: f64) -> Option<Vector6<f64>> {
    let mut h = Matrix6::from_fn(|i, j| system.h[i][j]);
    for i in 0..6 {
        h[(i, i)] += damping * h[(i, i)] + f64::MIN_POSITIVE;
    }
    let delta = h.cholesky()?.solve(&Vector6::from_fn(|i, _| system.g[i]));
    delta.iter().all(|v| v.is_finite()).then_some(delta)
}

/// The residuals' standard deviation from the median of their sizes, of which the fit has taken six degrees of freedom.
fn spread(source: &Source, pairs: &Pairs, motion: &Motion, scratch: &mut [f64]) -> f64 {
    let mut count = 0;
    for i in (0..pairs.index.len()).filter(|i| pairs.index[*i] != NONE) {
        if let Some(p) = pair(source, pairs, motion, i) {
            scratch[count] = p.residual.abs();
            count += 1;
        }
    }
    let freedom = (count as f64 - 6.0).max(1.0);
    let median = *scratch[..count].select_nth_unstable_by(count / 2, f64::total_cmp).1;
    1.4826 * median * libm::sqrt(count as f64 / freedom)
}
