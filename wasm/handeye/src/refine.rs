// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! X and Z together by Levenberg and Marquardt, the noise of rotation and of translation estimated on the way.
//!
//! Variance components: Förstner's simplified iteration, Z. f. Vermessungswesen 104, 1979: the residuals' squares over
//! their own share of the redundancy. Its fixed point is that of restricted maximum likelihood.

use crate::pairs::{kept, Pairs, Unknowns};
use crate::se3::{exp, left_jacobian_inverse, log, skew, Pose};
use nalgebra::{Matrix3, SMatrix, SVector, Vector3};

/// Parameters: translation and rotation of X, then of Z, each about its parent's axes.
pub type Normal = SMatrix<f64, 12, 12>;
type Gradient = SVector<f64, 12>;

/// Noise below this is rounding, metres or radians.
pub const FLOOR: f64 = 1e-9;
/// With fewer pairs the two noises cannot be told apart: their ratio is assumed.
pub const FEWEST_FOR_BOTH: usize = 6;
/// That ratio: 1 mm goes with 0.2 degrees, metres per radian.
pub const ASSUMED_RATIO: f64 = 1e-3 / (0.2 * core::f64::consts::PI / 180.0);
const ITERATIONS: usize = 100;
/// A step of this squared length, in standard deviations, ends the search; one of the second is still good enough at its
/// end: fits that are far off creep.
const SMALL: f64 = 1e-14;
const TOLERATED: f64 = 1e-6;

/// Standard deviations per axis, m and rad, with their degrees of freedom.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    pub t: f64,
    pub r: f64,
    pub dof_t: f64,
    pub dof_r: f64,
    pub given: bool,
}

impl Noise {
    pub fn statistic(&self, r: &Vector3<f64>, t: &Vector3<f64>) -> f64 {
        r.norm_squared() / (self.r * self.r) + t.norm_squared() / (self.t * self.t)
    }
}

/// Where the search ended; `covariance` of the parameters, and the part of it that the rotations' noise makes.
#[derive(Clone, Copy, Debug)]
pub struct Refined {
    pub at: Unknowns,
    pub noise: Noise,
    pub covariance: Normal,
    pub from_rotation: Normal,
    pub iterations: usize,
}

/// Squares and first-order terms of both groups, each without its weight.
struct Sums {
    n: f64,
    normal_r: Normal,
    normal_t: Normal,
    gradient_r: Gradient,
    gradient_t: Gradient,
    squares: Squares,
}

#[derive(Clone, Copy)]
struct Squares {
    r: f64,
    t: f64,
}

impl Squares {
    fn cost(&self, noise: &Noise) -> f64 {
        self.r / (noise.r * noise.r) + self.t / (noise.t * noise.t)
    }
}

/// None where the parameters are not determined or the steps do not end.
pub fn refine(pairs: Pairs, keep: &[f64], start: Unknowns, given: Option<(f64, f64)>) -> Option<Refined> {
    let (mut at, mut damping) = (start, 0.0);
    let mut sums = Sums::new(pairs, keep, &at);
    let mut noise = first_noise(&sums, given);
    for iteration in 1..=ITERATIONS {
        let weighted = sums.normal(&noise);
        let inverse = weighted.cholesky()?.inverse();
        let before = noise;
        if given.is_none() {
            noise = updated(&sums, &noise, &inverse);
        }
        let (step, next) = loop {
            let step = sums.step(&noise, damping)?;
            let next = moved(&at, &step);
            if squares(pairs, keep, &next).cost(&noise) <= sums.squares.cost(&noise) * (1.0 + 1e-12) + 1e-12 {
                break (step, next);
            }
            damping = if damping == 0.0 { 1e-4 } else { damping * 10.0 };
            if damping > 1e12 {
                return None;
            }
        };
        damping = if damping < 1e-7 { 0.0 } else { damping * 0.1 };
        let size = (step.transpose() * sums.normal(&noise) * step)[0];
        let settled = (noise.t / before.t - 1.0).abs().max((noise.r / before.r - 1.0).abs()) < 1e-7;
        at = next;
        sums = Sums::new(pairs, keep, &at);
        if (settled && damping == 0.0 && size < SMALL) || (iteration == ITERATIONS && size < TOLERATED) {
            return finished(at, &sums, noise, iteration);
        }
    }
    None
}

fn first_noise(sums: &Sums, given: Option<(f64, f64)>) -> Noise {
    let dof = (3.0 * sums.n - 6.0).max(1.0);
    let (t, r) = given.unwrap_or((libm::sqrt(sums.squares.t / dof), libm::sqrt(sums.squares.r / dof)));
    let (t, r) = (t.max(FLOOR), r.max(FLOOR));
    Noise { t, r, dof_t: f64::INFINITY, dof_r: f64::INFINITY, given: given.is_some() }
}

fn updated(sums: &Sums, noise: &Noise, inverse: &Normal) -> Noise {
    let trace_r = (inverse * sums.normal_r).trace() / (noise.r * noise.r);
    let (dof_r, dof_t) = ((3.0 * sums.n - trace_r).max(0.5), (3.0 * sums.n - 12.0 + trace_r).max(0.5));
    if (sums.n as usize) < FEWEST_FOR_BOTH {
        let squares = sums.squares.r * ASSUMED_RATIO * ASSUMED_RATIO + sums.squares.t;
        let t = libm::sqrt(squares / (dof_r + dof_t)).max(FLOOR);
        return Noise {
            t,
            r: (t / ASSUMED_RATIO).max(FLOOR),
            dof_t: dof_r + dof_t,
            dof_r: dof_r + dof_t,
            given: false,
        };
    }
    let (t, r) = (libm::sqrt(sums.squares.t / dof_t).max(FLOOR), libm::sqrt(sums.squares.r / dof_r).max(FLOOR));
    Noise { t, r, dof_t, dof_r, given: false }
}

fn finished(at: Unknowns, sums: &Sums, noise: Noise, iterations: usize) -> Option<Refined> {
    let covariance = sums.normal(&noise).cholesky()?.inverse();
    let from_rotation = covariance * sums.normal_r * covariance / (noise.r * noise.r);
    Some(Refined { at, noise, covariance, from_rotation, iterations })
}

fn squares(pairs: Pairs, keep: &[f64], at: &Unknowns) -> Squares {
    kept(keep).fold(Squares { r: 0.0, t: 0.0 }, |s, i| {
        let (r, t) = pairs.residual(i, at);
        Squares { r: s.r + r.norm_squared(), t: s.t + t.norm_squared() }
    })
}

fn moved(at: &Unknowns, step: &Gradient) -> Unknowns {
    let part = |pose: &Pose, k: usize| Pose {
        r: exp(&Vector3::new(step[k + 3], step[k + 4], step[k + 5])) * pose.r,
        t: pose.t + Vector3::new(step[k], step[k + 1], step[k + 2]),
    };
    Unknowns { x: part(&at.x, 0), z: part(&at.z, 6) }
}

impl Sums {
    fn new(pairs: Pairs, keep: &[f64], at: &Unknowns) -> Self {
        let zero = (Normal::zeros(), Gradient::zeros());
        let mut sums = Sums {
            n: 0.0,
            normal_r: zero.0,
            normal_t: zero.0,
            gradient_r: zero.1,
            gradient_t: zero.1,
            squares: Squares { r: 0.0, t: 0.0 },
        };
        for i in kept(keep) {
            sums.add(pairs, i, at);
        }
        sums
    }

    fn add(&mut self, pairs: Pairs, i: usize, at: &Unknowns) {
        let (a, b) = pairs.get(i);
        let m = a.then(&at.x).then(&b);
        let (r, t) = (log(&(m.r * at.z.r.transpose())), m.t - at.z.t);
        let mut jr = SMatrix::<f64, 3, 12>::zeros();
        jr.fixed_view_mut::<3, 3>(0, 3).copy_from(&(left_jacobian_inverse(&r) * a.r));
        jr.fixed_view_mut::<3, 3>(0, 9).copy_from(&-left_jacobian_inverse(&-r));
        let mut jt = SMatrix::<f64, 3, 12>::zeros();
        jt.fixed_view_mut::<3, 3>(0, 0).copy_from(&a.r);
        jt.fixed_view_mut::<3, 3>(0, 3).copy_from(&-(a.r * skew(&(at.x.r * b.t))));
        jt.fixed_view_mut::<3, 3>(0, 6).copy_from(&-Matrix3::identity());
        self.n += 1.0;
        self.normal_r += jr.transpose() * jr;
        self.normal_t += jt.transpose() * jt;
        self.gradient_r += jr.transpose() * r;
        self.gradient_t += jt.transpose() * t;
        self.squares.r += r.norm_squared();
        self.squares.t += t.norm_squared();
    }

    fn normal(&self, noise: &Noise) -> Normal {
        self.normal_r / (noise.r * noise.r) + self.normal_t / (noise.t * noise.t)
    }

    fn step(&self, noise: &Noise, damping: f64) -> Option<Gradient> {
        let mut normal = self.normal(noise);
        for k in 0..12 {
            normal[(k, k)] *= 1.0 + damping;
        }
        let gradient = self.gradient_r / (noise.r * noise.r) + self.gradient_t / (noise.t * noise.t);
        Some(-normal.cholesky()?.solve(&gradient))
    }
}
