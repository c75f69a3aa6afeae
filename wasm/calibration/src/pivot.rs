// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Pivot calibration: the tip (tool frame) and the pivot (tracker frame) with R tip + t = pivot at every pose.
//!
//! Least squares with the pivot eliminated (the "algebraic one step" method compared by Yaniv, "Which pivot calibration?",
//! Proc. SPIE 9415, 2015). `robust` starts from the least median of squares (Rousseeuw, JASA 79, 1984) over triples of poses,
//! refits what the median residual lets pass, and then what lies within `Demand::limit` standard deviations of the poses
//! that it holds, until they no longer change.

use crate::order::quantile;
use crate::poses::{Moments, Poses, COMPARED, LEAST};
use crate::Refusal;
use nalgebra::{Matrix3, Vector3};

/// Median of the norm of three standard normal numbers, and its 99th percentile.
const CHI3_MEDIAN: f64 = 1.538_172_254_455_294;
const CHI3_99: f64 = 3.368_214_175_218_727;
/// Residuals below this are rounding, never outliers (m).
const FINEST_M: f64 = 1e-7;
const ALL_TRIPLES: usize = 13;
/// With 45 of 100 poses wrong, a set without a clean triple is seen once in 10^23 calibrations.
const TRIPLES: usize = 300;
/// A triple whose poses swing less than this (rad, a bound from determinant and trace) gives no start.
const LEAST_SWING: f64 = 0.01;
const ROUNDS: usize = 50;

/// What the motion must give: the largest angle between two poses and the least rms swing of any direction (both rad); and
/// for a robust fit how many standard deviations (3D, of one axis') make an outlier.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    pub range: f64,
    pub swing: f64,
    pub limit: f64,
}

/// Metres and radians. `rms`, `axis_rms`, `max` and `range` are of the inliers; `swings` (ascending) and `directions` say how
/// well the tip is determined along each; `inverse` times the noise's variance is the tip's covariance.
#[derive(Clone, Copy, Debug)]
pub struct Pivot {
    pub tip: Vector3<f64>,
    pub pivot: Vector3<f64>,
    pub rms: f64,
    pub axis_rms: [f64; 3],
    pub max: f64,
    pub inliers: usize,
    pub range: f64,
    pub swings: [f64; 3],
    pub directions: [Vector3<f64>; 3],
    pub inverse: Matrix3<f64>,
    pub mean_rotation: Matrix3<f64>,
}

#[derive(Clone, Copy)]
struct Fit {
    tip: Vector3<f64>,
    pivot: Vector3<f64>,
}

impl Fit {
    fn new(moments: &Moments) -> Option<Self> {
        let tip = moments.information.cholesky()?.solve(&-moments.pull);
        let pivot = moments.rotation * tip + moments.translation;
        pivot.iter().all(|v| v.is_finite()).then_some(Fit { tip, pivot })
    }

    fn residual(&self, poses: Poses, i: usize) -> Vector3<f64> {
        poses.rotation(i) * self.tip + poses.translation(i) - self.pivot
    }
}

/// Fits all poses, or with `robust` those that agree. `residuals` gets R tip + t - pivot and 1 for an inlier, four numbers a
/// pose; `scratch` holds three numbers a pose.
pub fn solve(
    poses: Poses,
    demand: Demand,
    robust: bool,
    residuals: &mut [f64],
    scratch: &mut [f64],
) -> Result<Pivot, Refusal> {
    poses.check()?;
    if poses.repeated() {
        return Err(Refusal::Repeated);
    }
    let all = Moments::new(poses, 0..poses.len());
    demanded(&all, poses.range(|_| true), demand)?;
    let (marks, scratch) = scratch.split_at_mut(poses.len());
    marks.fill(1.0);
    let mut fit = Fit::new(&all).ok_or(Refusal::InsufficientMotion)?;
    if robust {
        fit = settle(poses, consensus(poses, fit, marks, scratch), demand.limit, marks, scratch)
            .ok_or(Refusal::InsufficientMotion)?;
    }
    finish(poses, fit, demand, marks, residuals)
}

fn demanded(moments: &Moments, range: f64, demand: Demand) -> Result<(), Refusal> {
    let enough = range >= demand.range && moments.swings().0[0] >= demand.swing;
    enough.then_some(()).ok_or(Refusal::InsufficientMotion)
}

/// The candidate with the least median squared residual. Triples are drawn by the poses' ranks (their residuals under the
/// plain fit), so that neither the poses' order nor the tracker's frame has a say. Leaves `marks` at one.
fn consensus(poses: Poses, start: Fit, marks: &mut [f64], scratch: &mut [f64]) -> Fit {
    let n = poses.len();
    let (sizes, ranked) = scratch.split_at_mut(n);
    for (i, rank) in ranked[..n].iter_mut().enumerate() {
        (marks[i], *rank) = (start.residual(poses, i).norm(), i as f64);
    }
    ranked[..n].sort_unstable_by(|a, b| marks[*a as usize].total_cmp(&marks[*b as usize]));
    marks.fill(1.0);
    let pose = |rank: usize| ranked[rank] as usize;
    let mut median = |fit: &Fit| {
        let mut count = 0;
        for rank in (0..n).step_by(n.div_ceil(COMPARED)) {
            sizes[count] = fit.residual(poses, pose(rank)).norm_squared();
            count += 1;
        }
        quantile(&mut sizes[..count], 0.5).unwrap_or(f64::INFINITY)
    };
    let mut best = (median(&start), start);
    let mut consider = |i: usize, j: usize, k: usize| {
        let moments = Moments::new(poses, [pose(i), pose(j), pose(k)].into_iter());
        // det / trace^2 is at most a quarter of the least eigenvalue: cheap, and enough for a start
        let least = moments.information.determinant() / (moments.information.trace() * moments.information.trace());
        if least < LEAST_SWING * LEAST_SWING {
            return;
        }
        if let Some(fit) = Fit::new(&moments) {
            let score = median(&fit);
            if score < best.0 {
                best = (score, fit);
            }
        }
    };
    if n <= ALL_TRIPLES {
        (0..n).for_each(|i| (0..i).for_each(|j| (0..j).for_each(|k| consider(i, j, k))));
    } else {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        for _ in 0..TRIPLES {
            let (i, j, k) = (random.below(n), random.below(n), random.below(n));
            if i != j && j != k && i != k {
                consider(i, j, k);
            }
        }
    }
    best.1
}

/// Refits the better half, then what the median lets pass, then what the held poses' own scatter lets pass.
fn settle(poses: Poses, start: Fit, limit: f64, marks: &mut [f64], scratch: &mut [f64]) -> Option<Fit> {
    let mut fit = start;
    for stage in [Stage::Half, Stage::Median, Stage::Held] {
        for _ in 0..ROUNDS {
            let far = stage.limit(poses, &fit, limit, marks, scratch)?.max(FINEST_M);
            let mut changed = false;
            for (i, mark) in marks.iter_mut().enumerate() {
                let now = if fit.residual(poses, i).norm() <= far { 1.0 } else { 0.0 };
                changed |= now != *mark;
                *mark = now;
            }
            if !changed {
                break;
            }
            if marks.iter().filter(|m| **m > 0.0).count() < LEAST {
                return None;
            }
            fit = Fit::new(&Moments::new(poses, (0..poses.len()).filter(|i| marks[*i] > 0.0)))?;
        }
    }
    Some(fit)
}

#[derive(Clone, Copy)]
enum Stage {
    Half,
    Median,
    Held,
}

impl Stage {
    /// How far a pose may be off (m).
    fn limit(self, poses: Poses, fit: &Fit, limit: f64, marks: &[f64], scratch: &mut [f64]) -> Option<f64> {
        let sizes = &mut scratch[..poses.len()];
        for (i, s) in sizes.iter_mut().enumerate() {
            *s = fit.residual(poses, i).norm();
        }
        let held = || sizes.iter().zip(marks).filter(|(_, mark)| **mark > 0.0);
        let count = match self {
            Stage::Held => held().count(),
            _ => sizes.len(),
        };
        // a fit is closer to its own points than to others
        let freedom = 3.0 * count as f64 - 6.0;
        Some(match self {
            Stage::Half => quantile(sizes, 0.5)?,
            Stage::Median => libm::sqrt(3.0 * count as f64 / freedom) * quantile(sizes, 0.5)? * CHI3_99 / CHI3_MEDIAN,
            Stage::Held => limit * libm::sqrt(held().map(|(s, _)| s * s).sum::<f64>() / freedom),
        })
    }
}

fn finish(poses: Poses, fit: Fit, demand: Demand, marks: &[f64], residuals: &mut [f64]) -> Result<Pivot, Refusal> {
    let used = |i: usize| marks[i] > 0.0;
    let moments = Moments::new(poses, (0..poses.len()).filter(|i| used(*i)));
    let range = poses.range(used);
    demanded(&moments, range, demand)?;
    let (swings, directions) = moments.swings();
    let inverse = moments.information.try_inverse().ok_or(Refusal::InsufficientMotion)?;
    let (mut sums, mut max) = (Vector3::zeros(), 0.0_f64);
    for (i, row) in residuals.chunks_exact_mut(4).enumerate().take(poses.len()) {
        let e = fit.residual(poses, i);
        row.copy_from_slice(&[e[0], e[1], e[2], marks[i]]);
        if used(i) {
            sums += e.component_mul(&e);
            max = max.max(e.norm());
        }
    }
    Ok(Pivot {
        tip: fit.tip,
        pivot: fit.pivot,
        rms: libm::sqrt(sums.sum() / moments.count),
        axis_rms: core::array::from_fn(|i| libm::sqrt(sums[i] / moments.count)),
        max,
        inliers: moments.count as usize,
        range,
        swings,
        directions,
        inverse,
        mean_rotation: moments.rotation,
    })
}

/// xorshift64*: the same triples every time.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n as u64) as usize
    }
}
