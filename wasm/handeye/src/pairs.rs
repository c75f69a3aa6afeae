// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The pairs (A_i, B_i), which of them count, and what is linear in them.

use crate::se3::{log, nearest_rotation, Pose};
use nalgebra::{Matrix3, SymmetricEigen, Vector3};

/// Slices of 16n numbers; `keep` holds n numbers, zero leaves a pair out.
#[derive(Clone, Copy)]
pub struct Pairs<'a> {
    pub a: &'a [f64],
    pub b: &'a [f64],
}

/// The two unknowns of A_i X B_i = Z.
#[derive(Clone, Copy, Debug)]
pub struct Unknowns {
    pub x: Pose,
    pub z: Pose,
}

impl<'a> Pairs<'a> {
    pub fn len(&self) -> usize {
        self.a.len() / 16
    }

    pub fn get(&self, i: usize) -> (Pose, Pose) {
        (Pose::read(&self.a[16 * i..16 * i + 16]), Pose::read(&self.b[16 * i..16 * i + 16]))
    }

    /// Rotation vector of (A_i X B_i) Z^-1 and the difference of their translations, both along the axes of A's parent.
    pub fn residual(&self, i: usize, at: &Unknowns) -> (Vector3<f64>, Vector3<f64>) {
        let (a, b) = self.get(i);
        let m = a.then(&at.x).then(&b);
        (log(&(m.r * at.z.r.transpose())), m.t - at.z.t)
    }

    /// X's translation, and Z, that fit a rotation of X best; None where the rotations leave the translation open.
    ///
    /// The least squares of R_A t_X - t_Z = -(t_A + R_A R_X t_B), with t_Z eliminated.
    pub fn complete(&self, r_x: &Matrix3<f64>, indices: impl Iterator<Item = usize>) -> Option<Unknowns> {
        let (mut n, mut mean_r, mut mean_q, mut mean_rq, mut sum_z) =
            (0.0, Matrix3::zeros(), Vector3::zeros(), Vector3::zeros(), Matrix3::zeros());
        for i in indices {
            let (a, b) = self.get(i);
            let q = a.t + a.r * (r_x * b.t);
            n += 1.0;
            mean_r += a.r;
            mean_q += q;
            mean_rq += a.r.transpose() * q;
            sum_z += a.r * r_x * b.r;
        }
        (mean_r, mean_q, mean_rq) = (mean_r / n, mean_q / n, mean_rq / n);
        let normal = Matrix3::identity() - mean_r.transpose() * mean_r;
        let factor = normal.cholesky().filter(|c| c.l_dirty().diagonal().min() > 1e-6)?;
        let t_x = factor.solve(&(mean_r.transpose() * mean_q - mean_rq));
        let z = Pose { r: nearest_rotation(&sum_z), t: mean_q + mean_r * t_x };
        Some(Unknowns { x: Pose { r: *r_x, t: t_x }, z })
    }
}

/// Indices of what is kept.
pub fn kept(keep: &[f64]) -> impl Iterator<Item = usize> + Clone + '_ {
    keep.iter().enumerate().filter(|(_, k)| **k > 0.0).map(|(i, _)| i)
}

/// Root mean square rotation between two of the poses about each of three principal axes, radians, descending.
///
/// The mean over all pairs of 2I - R - R^T is 2(I - S^T S) with S the mean rotation, so no pair has to be visited. It is
/// also what the translation of X is determined by: with the rotations about one axis alone its least eigenvalue is zero.
pub fn motion(poses: &[f64], keep: &[f64]) -> [f64; 3] {
    let n = kept(keep).count() as f64;
    let mean = kept(keep).fold(Matrix3::zeros(), |s, i| s + Pose::read(&poses[16 * i..16 * i + 16]).r) / n;
    let spread = (Matrix3::identity() - mean.transpose() * mean) * (2.0 * n / (n - 1.0).max(1.0));
    let values = SymmetricEigen::new(spread).eigenvalues;
    let mut about = [0, 1, 2].map(|i| (0.5 * values.sum() - values[i]).max(0.0));
    about.sort_unstable_by(|p, q| q.total_cmp(p));
    about.map(chord)
}

/// Rotation away from the first principal axis, radians, from what `motion` returned.
pub fn off_axis(about: &[f64; 3]) -> f64 {
    let squared = |angle: f64| 4.0 * libm::sin(0.5 * angle) * libm::sin(0.5 * angle);
    chord(squared(about[1]) + squared(about[2]))
}

/// The angle whose chord, 2 sin(angle / 2), has this square.
fn chord(squared: f64) -> f64 {
    2.0 * libm::asin((0.5 * libm::sqrt(squared)).min(1.0))
}
