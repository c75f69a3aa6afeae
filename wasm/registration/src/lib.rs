// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Registration of points. `solve`: weighted paired points after Horn, "Closed-form solution of absolute orientation using
//! unit quaternions", J. Opt. Soc. Am. A 4(4), 1987: the rotation is the eigenvector of a symmetric 4x4 matrix, never a
//! reflection. Beside it: `leave_one_out`, `solve_anisotropic`, and the exact searches `consensus` and `match_unordered`.
//!
//! Points are rows of three f64, metres. Error of an exact fit: below 1e-12 of the clouds' size.
#![no_std]
#![forbid(unsafe_code)]

mod anisotropic;
mod cloud;
mod consensus;
mod leave_one_out;
mod matching;
mod minimax;

pub use anisotropic::{solve_anisotropic, AnisotropicFit};
pub use consensus::{consensus, Consensus};
pub use leave_one_out::leave_one_out;
pub use matching::{match_unordered, Match, UNPAIRED};
pub use minimax::{MOST, SLACK};

use cloud::Cloud;
use nalgebra::{Const, Matrix3, Matrix4, Quaternion, SymmetricEigen, UnitQuaternion, Vector3};

/// A coordinate beyond this is no coordinate: its squares would overflow.
pub const FARTHEST_M: f64 = 1e9;
/// Below this root mean square radius (metres) a cloud is one point.
pub const COINCIDENT_M: f64 = 1e-6;
/// Collinear: second singular value of a weighted centred cloud below this share of the first.
pub const COLLINEAR: f64 = 1e-3;
/// Mirrored is only asked where both clouds' third singular value exceeds this share of the first.
pub const COPLANAR: f64 = 2e-2;
/// Mirrored: the best reflection's rms is below this share of the best rotation's.
pub const MIRRORED: f64 = 0.5;
/// Ambiguous: the two largest eigenvalues of Horn's matrix closer than this share of the clouds' size.
pub const AMBIGUOUS: f64 = 1e-6;

/// Why there is no registration; the numbers are the module's statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Refusal {
    TooFewPoints = 16,
    NotFinite = 17,
    BadWeight = 18,
    Coincident = 19,
    Collinear = 20,
    Mirrored = 21,
    Ambiguous = 22,
    BadCovariance = 23,
    NotConverged = 24,
    TooManyPoints = 25,
    SearchTooLarge = 26,
    NoConsensus = 27,
    BadThreshold = 28,
}

/// `transform` is T_fixed_moving, row-major; `fre` the unweighted rms residual of the points that carry weight;
/// `spread` the square roots of the moving cloud's weighted covariance eigenvalues, descending.
#[derive(Clone, Copy, Debug)]
pub struct Fit {
    pub transform: [f64; 16],
    pub fre: f64,
    pub spread: [f64; 3],
}

/// Finds the rigid motion that takes `moving` to `fixed` with the least weighted squared distance.
///
/// Writes fixed - T moving into `residuals`. The slices hold 3n, 3n, n and 3n numbers. A weight of zero leaves the
/// point out of the fit.
pub fn solve(fixed: &[f64], moving: &[f64], weights: &[f64], residuals: &mut [f64]) -> Result<Fit, Refusal> {
    check(fixed, moving, weights)?;
    let from = Cloud::new(moving, weights);
    let to = Cloud::new(fixed, weights);
    check_spread(&from, &to)?;
    let rotation = rotation(&from, &to, &correlation(fixed, moving, weights, &from, &to))?;
    let translation = to.centre - rotation * from.centre;
    let fre = write_residuals(fixed, moving, weights, &rotation, &translation, residuals);
    Ok(Fit { transform: homogeneous(&rotation, &translation), fre, spread: from.spread })
}

fn check(fixed: &[f64], moving: &[f64], weights: &[f64]) -> Result<(), Refusal> {
    if weights.len() < 3 {
        return Err(Refusal::TooFewPoints);
    }
    if !fixed.iter().chain(moving).all(|v| v.abs() <= FARTHEST_M) {
        return Err(Refusal::NotFinite);
    }
    let sum: f64 = weights.iter().sum();
    if !sum.is_finite() || sum == 0.0 || weights.iter().any(|w| *w < 0.0) {
        return Err(Refusal::BadWeight);
    }
    match weights.iter().filter(|w| **w > 0.0).count() {
        0..=2 => Err(Refusal::TooFewPoints),
        _ => Ok(()),
    }
}

fn check_spread(from: &Cloud, to: &Cloud) -> Result<(), Refusal> {
    for spread in [from.spread, to.spread] {
        if spread[0] < COINCIDENT_M {
            return Err(Refusal::Coincident);
        }
        if spread[1] < COLLINEAR * spread[0] {
            return Err(Refusal::Collinear);
        }
    }
    Ok(())
}

/// Weighted cross-covariance of the centred clouds over the product of their sizes, so that its scale is one.
fn correlation(fixed: &[f64], moving: &[f64], weights: &[f64], from: &Cloud, to: &Cloud) -> Matrix3<f64> {
    let mut sum = Matrix3::zeros();
    for ((f, m), w) in fixed.chunks_exact(3).zip(moving.chunks_exact(3)).zip(weights) {
        let (f, m) = (Vector3::new(f[0], f[1], f[2]) - to.centre, Vector3::new(m[0], m[1], m[2]) - from.centre);
        sum += m * f.transpose() * *w;
    }
    sum / (from.weight * from.size() * to.size())
}

/// The rotation of the largest eigenvalue of Horn's matrix; refuses a mirrored or an undetermined one.
fn rotation(from: &Cloud, to: &Cloud, s: &Matrix3<f64>) -> Result<Matrix3<f64>, Refusal> {
    let eigen = SymmetricEigen::new(horn(s));
    let mut order = [0, 1, 2, 3];
    order.sort_unstable_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
    let [best, second, least] = [order[0], order[1], order[3]].map(|i| eigen.eigenvalues[i]);
    if mirrored(from, to, best, -least) {
        return Err(Refusal::Mirrored);
    }
    if best - second < AMBIGUOUS {
        return Err(Refusal::Ambiguous);
    }
    Ok(turn(&eigen, order[0]))
}

fn turn(eigen: &SymmetricEigen<f64, Const<4>>, index: usize) -> Matrix3<f64> {
    let q = eigen.eigenvectors.column(index);
    UnitQuaternion::from_quaternion(Quaternion::new(q[0], q[1], q[2], q[3])).to_rotation_matrix().into_inner()
}

fn horn(s: &Matrix3<f64>) -> Matrix4<f64> {
    let (yz, zx, xy) = (s[(1, 2)] - s[(2, 1)], s[(2, 0)] - s[(0, 2)], s[(0, 1)] - s[(1, 0)]);
    let (pxy, pzx, pyz) = (s[(0, 1)] + s[(1, 0)], s[(2, 0)] + s[(0, 2)], s[(1, 2)] + s[(2, 1)]);
    let (x, y, z) = (s[(0, 0)], s[(1, 1)], s[(2, 2)]);
    Matrix4::new(
        x + y + z,
        yz,
        zx,
        xy, //
        yz,
        x - y - z,
        pxy,
        pzx, //
        zx,
        pxy,
        y - x - z,
        pyz, //
        xy,
        pzx,
        pyz,
        z - x - y,
    )
}

/// `rotated` and `reflected` are the best traces (of the scaled correlation) of a rotation and of a reflection.
fn mirrored(from: &Cloud, to: &Cloud, rotated: f64, reflected: f64) -> bool {
    let solid = [from.spread, to.spread].iter().all(|s| s[2] > COPLANAR * s[0]);
    let (a, b) = (from.size(), to.size());
    let squared = |trace: f64| (a * a + b * b - 2.0 * a * b * trace).max(0.0);
    solid && squared(reflected) < MIRRORED * MIRRORED * squared(rotated)
}

fn write_residuals(
    fixed: &[f64],
    moving: &[f64],
    weights: &[f64],
    rotation: &Matrix3<f64>,
    translation: &Vector3<f64>,
    residuals: &mut [f64],
) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    let points = fixed.chunks_exact(3).zip(moving.chunks_exact(3)).zip(weights);
    for (((f, m), w), r) in points.zip(residuals.chunks_exact_mut(3)) {
        let e = Vector3::new(f[0], f[1], f[2]) - (rotation * Vector3::new(m[0], m[1], m[2]) + translation);
        r.copy_from_slice(&[e[0], e[1], e[2]]);
        if *w > 0.0 {
            sum += e.norm_squared();
            count += 1.0;
        }
    }
    libm::sqrt(sum / count)
}

fn homogeneous(r: &Matrix3<f64>, t: &Vector3<f64>) -> [f64; 16] {
    let row = |i: usize| [r[(i, 0)], r[(i, 1)], r[(i, 2)], t[i]];
    let mut out = [0.0; 16];
    for i in 0..3 {
        out[4 * i..4 * i + 4].copy_from_slice(&row(i));
    }
    out[15] = 1.0;
    out
}
