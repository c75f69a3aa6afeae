// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Paired points with a localisation covariance each, on both sides: the maximum-likelihood motion and its covariance.
//!
//! Minimises sum e_i^T (F_i + R M_i R^T)^-1 e_i over SE(3), e_i = f_i - (R m_i + t): Balachandran and Fitzpatrick, "Iterative
//! solution for rigid-body point-based registration with anisotropic weighting", SPIE Medical Imaging 2009; the weights' own
//! dependence on R enters through the corrected points, as in Matei and Meer, "Optimal rigid motion estimation and performance
//! evaluation with bootstrap", CVPR 1999. Levenberg and Marquardt's method from Horn's fit.

use crate::{homogeneous, solve, Fit, Refusal};
use nalgebra::{Matrix3, Matrix6, Rotation3, SymmetricEigen, Vector3, Vector6};

const MOST_STEPS: u32 = 200;
const MOST_TRIES: u32 = 30;
const LEAST_DAMPING: f64 = 1e-6;
/// Converged: a step below this share of the points' size, and below this angle.
const STEP: f64 = 1e-12;
/// A step as small as this, or one that promises to lower the sum by a smaller share than this, changes it by less than its
/// rounding: it is taken without asking, so many times.
const ROUNDING_STEP: f64 = 1e-7;
const ROUNDING: f64 = 1e-11;
const MOST_SETTLED: u32 = 20;
/// A pair's covariance with a pivot below this share of its trace is singular.
const SINGULAR: f64 = 1e-12;
/// Horn's starting weights span no more than this.
const LEAST_WEIGHT: f64 = 1e-4;

/// `cost` is the sum that was minimised: chi-square with 3n - 6 degrees of freedom where the covariances hold. `covariance`
/// is 6x6 row-major, x y z rx ry rz, rotation about fixed's axes through moving's origin.
#[derive(Clone, Copy, Debug)]
pub struct AnisotropicFit {
    pub transform: [f64; 16],
    pub fre: f64,
    pub spread: [f64; 3],
    pub covariance: [f64; 36],
    pub cost: f64,
    pub steps: u32,
}

struct Problem<'a> {
    fixed: &'a [f64],
    moving: &'a [f64],
    fixed_covariance: &'a [f64],
    moving_covariance: &'a [f64],
}

/// A pair under a motion: residual e, W e, W, and R M R^T W e (how far the corrected moving point is from the measured one).
struct Seen {
    x: Vector3<f64>,
    weighted: Vector3<f64>,
    weight: Matrix3<f64>,
    shift: Vector3<f64>,
    cost: f64,
}

type Moved = (Matrix3<f64>, Vector3<f64>, f64);

impl Problem<'_> {
    fn count(&self) -> usize {
        self.fixed.len() / 3
    }

    fn see(&self, i: usize, r: &Matrix3<f64>, t: &Vector3<f64>) -> Option<Seen> {
        let x = r * vector(self.moving, i) + t;
        let e = vector(self.fixed, i) - x;
        let turned = r * matrix(self.moving_covariance, i) * r.transpose();
        let sum = matrix(self.fixed_covariance, i) + turned;
        let root = sum.cholesky()?;
        if root.l_dirty().diagonal().map(|v| v * v).min() <= SINGULAR * sum.trace() {
            return None;
        }
        let weight = root.inverse();
        let weighted = weight * e;
        Some(Seen { x, weighted, weight, shift: turned * weighted, cost: e.dot(&weighted) })
    }

    fn cost(&self, r: &Matrix3<f64>, t: &Vector3<f64>) -> Option<f64> {
        (0..self.count()).try_fold(0.0, |sum, i| Some(sum + self.see(i, r, t)?.cost))
    }

    /// The motion after a step about a pivot, and its cost.
    fn moved(&self, r: &Matrix3<f64>, t: &Vector3<f64>, pivot: &Vector3<f64>, step: &Vector6<f64>) -> Option<Moved> {
        let turn = Rotation3::new(Vector3::new(step[3], step[4], step[5])).into_inner();
        let (r, t) = (turn * r, pivot + Vector3::new(step[0], step[1], step[2]) + turn * (t - pivot));
        Some((r, t, self.cost(&r, &t)?))
    }

    /// Normal matrix and gradient for a small motion about a pivot.
    fn normal(&self, r: &Matrix3<f64>, t: &Vector3<f64>, pivot: &Vector3<f64>) -> Option<(Matrix6<f64>, Vector6<f64>)> {
        let (mut h, mut g) = (Matrix6::zeros(), Vector6::zeros());
        for i in 0..self.count() {
            let seen = self.see(i, r, t)?;
            let arm = (seen.x + seen.shift - pivot).cross_matrix();
            let wa = seen.weight * arm;
            add(&mut h, 0, 0, &seen.weight);
            add(&mut h, 0, 3, &-wa);
            add(&mut h, 3, 0, &-wa.transpose());
            add(&mut h, 3, 3, &(arm.transpose() * wa));
            let turn = -arm.transpose() * seen.weighted;
            for k in 0..3 {
                g[k] += seen.weighted[k];
                g[k + 3] += turn[k];
            }
        }
        Some((h, g))
    }
}

fn add(h: &mut Matrix6<f64>, row: usize, column: usize, block: &Matrix3<f64>) {
    let mut view = h.fixed_view_mut::<3, 3>(row, column);
    view += block;
}

fn vector(values: &[f64], i: usize) -> Vector3<f64> {
    Vector3::new(values[3 * i], values[3 * i + 1], values[3 * i + 2])
}

fn matrix(values: &[f64], i: usize) -> Matrix3<f64> {
    Matrix3::from_row_slice(&values[9 * i..9 * i + 9])
}

/// Finds the motion of greatest likelihood; writes fixed - T moving into `residuals`, and the start's weights into `weights`.
/// The slices hold 3n, 3n, 9n, 9n, n and 3n numbers; a side without error has zero covariances, but the sum of both must be
/// positive definite for every pair.
pub fn solve_anisotropic(
    fixed: &[f64],
    moving: &[f64],
    fixed_covariance: &[f64],
    moving_covariance: &[f64],
    weights: &mut [f64],
    residuals: &mut [f64],
) -> Result<AnisotropicFit, Refusal> {
    let problem = Problem { fixed, moving, fixed_covariance, moving_covariance };
    check(&problem)?;
    let start = start(&problem, weights, residuals)?;
    let (mut r, mut t) = split(&start.transform);
    let n = problem.count() as f64;
    let size = libm::sqrt(start.spread.iter().map(|s| s * s).sum());
    let mut cost = problem.cost(&r, &t).ok_or(Refusal::BadCovariance)?;
    let (mut damping, mut settled) = (0.0, 0);
    for steps in 1..=MOST_STEPS {
        let pivot = (0..problem.count()).fold(Vector3::zeros(), |sum, i| sum + r * vector(moving, i)) / n + t;
        let (h, g) = problem.normal(&r, &t, &pivot).ok_or(Refusal::BadCovariance)?;
        let step = h.cholesky().ok_or(Refusal::Collinear)?.solve(&g);
        let length = (step.fixed_rows::<3>(0).norm() / size).max(step.fixed_rows::<3>(3).norm());
        let moved = if length < ROUNDING_STEP || g.dot(&step) <= ROUNDING * cost {
            settled += 1;
            problem.moved(&r, &t, &pivot, &step)
        } else {
            lower(&problem, (&r, &t, cost), &pivot, (&h, &g), &mut damping)
        };
        (r, t, cost) = moved.ok_or(Refusal::NotConverged)?;
        if length < STEP || settled == MOST_SETTLED {
            return finish(&problem, &r, &t, cost, start.spread, steps, residuals);
        }
    }
    Err(Refusal::NotConverged)
}

/// The damped step that lowers the cost; None where none does.
fn lower(
    problem: &Problem,
    (r, t, cost): (&Matrix3<f64>, &Vector3<f64>, f64),
    pivot: &Vector3<f64>,
    (h, g): (&Matrix6<f64>, &Vector6<f64>),
    damping: &mut f64,
) -> Option<Moved> {
    for _ in 0..MOST_TRIES {
        let damped = h + Matrix6::from_diagonal(&(h.diagonal() * *damping));
        let step = damped.cholesky()?.solve(g);
        if let Some(found) = problem.moved(r, t, pivot, &step).filter(|found| found.2 < cost) {
            *damping = if *damping > LEAST_DAMPING { *damping * 0.1 } else { 0.0 };
            return Some(found);
        }
        *damping = (*damping * 10.0).max(LEAST_DAMPING);
    }
    None
}

fn finish(
    problem: &Problem,
    r: &Matrix3<f64>,
    t: &Vector3<f64>,
    cost: f64,
    spread: [f64; 3],
    steps: u32,
    residuals: &mut [f64],
) -> Result<AnisotropicFit, Refusal> {
    // rounding adds up over the steps: the nearest rotation again
    let r = Rotation3::from_matrix_eps(r, 1e-15, 20, Rotation3::from_matrix_unchecked(*r)).into_inner();
    let (h, _) = problem.normal(&r, t, t).ok_or(Refusal::BadCovariance)?;
    let inverse = h.cholesky().ok_or(Refusal::Collinear)?.inverse();
    let mut covariance = [0.0; 36];
    for (k, out) in covariance.iter_mut().enumerate() {
        *out = 0.5 * (inverse[(k / 6, k % 6)] + inverse[(k % 6, k / 6)]);
    }
    let mut sum = 0.0;
    for (i, out) in residuals.chunks_exact_mut(3).enumerate() {
        let e = vector(problem.fixed, i) - (r * vector(problem.moving, i) + t);
        out.copy_from_slice(e.as_slice());
        sum += e.norm_squared();
    }
    let fre = libm::sqrt(sum / problem.count() as f64);
    Ok(AnisotropicFit { transform: homogeneous(&r, t), fre, spread, covariance, cost, steps })
}

fn check(problem: &Problem) -> Result<(), Refusal> {
    let n = problem.count();
    if n < 3 {
        return Err(Refusal::TooFewPoints);
    }
    if !problem.fixed.iter().chain(problem.moving).all(|v| v.abs() <= crate::FARTHEST_M) {
        return Err(Refusal::NotFinite);
    }
    let sound = |values: &[f64], i: usize| {
        let c = matrix(values, i);
        let largest = c.abs().max();
        largest.is_finite()
            && c.iter().all(|v| v.is_finite())
            && (c - c.transpose()).abs().max() <= 1e-9 * largest
            && SymmetricEigen::new(c).eigenvalues.min() >= -1e-12 * largest
    };
    match (0..n).all(|i| sound(problem.fixed_covariance, i) && sound(problem.moving_covariance, i)) {
        true => Ok(()),
        false => Err(Refusal::BadCovariance),
    }
}

/// Horn's fit with each pair weighted by its mean variance.
fn start(problem: &Problem, weights: &mut [f64], residuals: &mut [f64]) -> Result<Fit, Refusal> {
    let variance =
        |i: usize| matrix(problem.fixed_covariance, i).trace() + matrix(problem.moving_covariance, i).trace();
    let least = (0..weights.len()).map(variance).fold(f64::INFINITY, f64::min);
    if least <= 0.0 {
        return Err(Refusal::BadCovariance);
    }
    for (i, w) in weights.iter_mut().enumerate() {
        *w = (least / variance(i)).max(LEAST_WEIGHT);
    }
    solve(problem.fixed, problem.moving, weights, residuals)
}

fn split(transform: &[f64; 16]) -> (Matrix3<f64>, Vector3<f64>) {
    let r = Matrix3::from_fn(|i, k| transform[4 * i + k]);
    (r, Vector3::new(transform[3], transform[7], transform[11]))
}
