// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Does one rigid motion map every pair within tau? Lawson's weighted least squares, whose sums prove that none does.
//!
//! For any weights u that add up to one, min_T sum u r^2 <= min_T max r^2: a sum above tau^2 proves that no motion maps all
//! pairs within tau; residuals that are all within it are a motion that does. Weights are multiplied by the residuals until
//! one or the other shows. Source: Lawson's algorithm as in Rice and Usow, "The Lawson algorithm and extensions", Math. Comp. 22,
//! 1968, with Horn's closed form as the inner fit.

use crate::{horn, turn};
use nalgebra::{Matrix3, SymmetricEigen, Vector3};

/// Pairs that the exact searches take.
pub const MOST: usize = 64;
/// A motion counts where no residual exceeds tau (1 + SLACK); none is missed that keeps every one within tau.
pub const SLACK: f64 = 1e-3;
/// A pair that a motion leaves farther than this many tau off needs another motion.
pub const OTHER_MOTION: f64 = 3.0;
const ODDS: f64 = 100.0;
const LEAST_NOISE: f64 = 0.01;
const MOST_ROUNDS: u32 = 3000;

/// Work that a search may do, in units of about ten nanoseconds on a common processor: the host's deadline is a second.
pub struct Budget(pub u64);

/// What a fit of so many pairs costs.
pub fn fit_cost(count: usize) -> u64 {
    250 + 4 * count as u64
}

impl Budget {
    pub fn spend(&mut self, cost: u64) -> bool {
        let enough = self.0 >= cost;
        self.0 = self.0.saturating_sub(cost);
        enough
    }
}

/// Pairs of points, by value.
#[derive(Clone)]
pub struct Pairs {
    pub count: usize,
    pub fixed: [Vector3<f64>; MOST],
    pub moving: [Vector3<f64>; MOST],
}

impl Pairs {
    pub fn new() -> Self {
        Pairs { count: 0, fixed: [Vector3::zeros(); MOST], moving: [Vector3::zeros(); MOST] }
    }

    pub fn push(&mut self, fixed: Vector3<f64>, moving: Vector3<f64>) {
        self.fixed[self.count] = fixed;
        self.moving[self.count] = moving;
        self.count += 1;
    }
}

/// A motion and what it leaves: `squared` residuals of every pair, `sum` with the weights.
pub struct Motion {
    pub rotation: Matrix3<f64>,
    pub translation: Vector3<f64>,
    pub squared: [f64; MOST],
    pub sum: f64,
}

impl Motion {
    pub fn largest(&self, count: usize) -> f64 {
        self.squared[..count].iter().fold(0.0, |a, b| b.max(a))
    }

    pub fn squared_residual(&self, fixed: &Vector3<f64>, moving: &Vector3<f64>) -> f64 {
        (fixed - self.rotation * moving - self.translation).norm_squared()
    }
}

pub enum Outcome {
    /// Every residual is within tau (1 + SLACK).
    Within,
    /// No motion keeps them within tau: these weights prove it.
    Beyond([f64; MOST]),
    /// The rounds ended between the two.
    Open,
    OutOfBudget,
}

/// The best motion for weights that add up to one; a mirrored one where `mirror` is set.
pub fn fit(pairs: &Pairs, weights: &[f64; MOST], mirror: bool) -> Motion {
    let n = pairs.count;
    let (mut to, mut from) = (Vector3::zeros(), Vector3::zeros());
    for i in 0..n {
        to += pairs.fixed[i] * weights[i];
        from += pairs.moving[i] * weights[i];
    }
    let mut cross = Matrix3::zeros();
    for i in 0..n {
        cross += (pairs.moving[i] - from) * ((pairs.fixed[i] - to) * weights[i]).transpose();
    }
    // a mirror is the rotation of the points seen through their centre, turned inside out
    let sign = if mirror { -1.0 } else { 1.0 };
    let scale = cross.abs().max().max(f64::MIN_POSITIVE);
    let eigen = SymmetricEigen::new(horn(&(cross * (sign / scale))));
    let rotation = turn(&eigen, eigen.eigenvalues.imax()) * sign;
    let mut motion = Motion { rotation, translation: to - rotation * from, squared: [0.0; MOST], sum: 0.0 };
    for i in 0..n {
        motion.squared[i] = motion.squared_residual(&pairs.fixed[i], &pairs.moving[i]);
        motion.sum += weights[i] * motion.squared[i];
    }
    motion
}

/// Whether a rival of as many pairs and another motion is too likely to be passed over: more than a hundredth of the likelihood
/// of the best, for normal noise of unknown size with 3 count - 6 degrees of freedom. Noise below tau / 100 is none.
pub fn rivals(count: usize, rms: f64, rival_rms: f64, tau: f64) -> bool {
    let least = LEAST_NOISE * tau;
    rival_rms.max(least) < rms.max(least) * libm::pow(ODDS, 1.0 / (3.0 * count as f64 - 6.0))
}

pub fn even(count: usize) -> [f64; MOST] {
    let mut weights = [0.0; MOST];
    weights[..count].fill(1.0 / count as f64);
    weights
}

/// Decides whether one motion maps every pair within `tau`.
pub fn decide(pairs: &Pairs, tau: f64, rounds: u32, budget: &mut Budget) -> Outcome {
    let n = pairs.count;
    let mut weights = even(n);
    let (accept, refuse) = (tau * tau * (1.0 + SLACK) * (1.0 + SLACK), tau * tau * (1.0 + 1e-9));
    for _ in 0..rounds.min(MOST_ROUNDS) {
        if !budget.spend(fit_cost(n)) {
            return Outcome::OutOfBudget;
        }
        let motion = fit(pairs, &weights, false);
        if motion.largest(n) <= accept {
            return Outcome::Within;
        }
        if motion.sum > refuse {
            return Outcome::Beyond(weights);
        }
        let mut total = 0.0;
        for i in 0..n {
            weights[i] *= libm::sqrt(motion.squared[i]);
            total += weights[i];
        }
        weights[..n].iter_mut().for_each(|w| *w /= total);
    }
    Outcome::Open
}

/// A small set of pairs (indices, how many) that no motion maps within `tau`, from weights that prove it for all.
pub fn blame(pairs: &Pairs, weights: &[f64; MOST], tau: f64, budget: &mut Budget) -> ([usize; MOST], usize) {
    let n = pairs.count;
    let motion = fit(pairs, weights, false);
    let mut order: [usize; MOST] = core::array::from_fn(|i| i);
    let share = |i: usize| weights[i] * motion.squared[i];
    order[..n].sort_unstable_by(|a, b| share(*b).total_cmp(&share(*a)));
    for size in 2..n.min(9) {
        let mut some = Pairs::new();
        order[..size].iter().for_each(|i| some.push(pairs.fixed[*i], pairs.moving[*i]));
        if matches!(decide(&some, tau, 40, budget), Outcome::Beyond(_)) {
            return (order, size);
        }
    }
    (order, n)
}
