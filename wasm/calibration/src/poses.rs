// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Many poses of one tool, and their moments: what pivot and spin calibration share.

use crate::Refusal;
use nalgebra::{Matrix3, SymmetricEigen, Vector3};

/// A number beyond this is no coordinate.
pub const FARTHEST_M: f64 = 1e9;
/// A rotation's rows may miss orthonormality by this much.
pub const RIGID: f64 = 1e-6;
/// Poses within this of one another (rad, and m) are one pose.
pub const SAME: f64 = 1e-9;
/// Angles are compared between at most so many poses, evenly taken.
pub const COMPARED: usize = 512;
pub const LEAST: usize = 4;

/// Rows of 16, row-major.
#[derive(Clone, Copy)]
pub struct Poses<'a>(pub &'a [f64]);

impl Poses<'_> {
    pub fn len(&self) -> usize {
        self.0.len() / 16
    }

    pub fn rotation(&self, i: usize) -> Matrix3<f64> {
        let p = &self.0[16 * i..16 * (i + 1)];
        Matrix3::new(p[0], p[1], p[2], p[4], p[5], p[6], p[8], p[9], p[10])
    }

    pub fn translation(&self, i: usize) -> Vector3<f64> {
        let p = &self.0[16 * i..16 * (i + 1)];
        Vector3::new(p[3], p[7], p[11])
    }

    pub fn check(&self) -> Result<(), Refusal> {
        if self.len() < LEAST {
            return Err(Refusal::TooFew);
        }
        if !self.0.iter().all(|v| v.abs() <= FARTHEST_M) {
            return Err(Refusal::NotFinite);
        }
        for i in 0..self.len() {
            let r = self.rotation(i);
            let off = (r * r.transpose() - Matrix3::identity()).iter().any(|v| v.abs() > RIGID);
            let last = &self.0[16 * i + 12..16 * i + 16];
            let affine = last[..3].iter().any(|v| v.abs() > RIGID) || (last[3] - 1.0).abs() > RIGID;
            if off || affine || r.determinant() < 0.0 {
                return Err(Refusal::NotRigid);
            }
        }
        Ok(())
    }

    pub fn repeated(&self) -> bool {
        let (r, t) = (self.rotation(0), self.translation(0));
        let near = |i: usize| (self.rotation(i) - r).norm() < SAME && (self.translation(i) - t).norm() < SAME;
        (1..self.len()).all(near)
    }

    /// The largest angle (rad) between two of the poses that are used, of at most COMPARED evenly taken ones.
    pub fn range(&self, used: impl Fn(usize) -> bool) -> f64 {
        let step = self.len().div_ceil(COMPARED).max(1);
        let mut largest = 0.0_f64;
        for i in (0..self.len()).step_by(step).filter(|i| used(*i)) {
            let a = self.rotation(i);
            for j in (i + step..self.len()).step_by(step).filter(|j| used(*j)) {
                // |A - B| = 2 sqrt(2) sin(angle / 2) in Frobenius' norm, accurate for small angles
                largest = largest.max((a - self.rotation(j)).norm());
            }
        }
        2.0 * libm::asin((largest / libm::sqrt(8.0)).min(1.0))
    }
}

/// Means of R and t over the used poses; `information` = sum (R - mean)^T (R - mean), `pull` = sum (R - mean)^T (t - mean).
pub struct Moments {
    pub count: f64,
    pub rotation: Matrix3<f64>,
    pub translation: Vector3<f64>,
    pub information: Matrix3<f64>,
    pub pull: Vector3<f64>,
}

impl Moments {
    /// Of the poses that `indices` names.
    pub fn new(poses: Poses, indices: impl Iterator<Item = usize> + Clone) -> Self {
        let indices = || indices.clone();
        let count = indices().count() as f64;
        let rotation = indices().fold(Matrix3::zeros(), |sum, i| sum + poses.rotation(i)) / count;
        let translation = indices().fold(Vector3::zeros(), |sum, i| sum + poses.translation(i)) / count;
        let (mut information, mut pull) = (Matrix3::zeros(), Vector3::zeros());
        for i in indices() {
            let r = (poses.rotation(i) - rotation).transpose();
            information += r * r.transpose();
            pull += r * (poses.translation(i) - translation);
        }
        Moments { count, rotation, translation, information, pull }
    }

    /// Root mean square swings (rad for small ones: the sine) of three directions of the tool, ascending, and the directions.
    pub fn swings(&self) -> ([f64; 3], [Vector3<f64>; 3]) {
        let eigen = SymmetricEigen::new(self.information / self.count);
        let mut order = [0, 1, 2];
        order.sort_unstable_by(|a, b| eigen.eigenvalues[*a].total_cmp(&eigen.eigenvalues[*b]));
        let root = |i: usize| libm::sqrt(eigen.eigenvalues[i].max(0.0));
        (order.map(root), order.map(|i| eigen.eigenvectors.column(i).into_owned()))
    }
}
